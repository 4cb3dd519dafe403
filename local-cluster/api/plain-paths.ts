import { discoveryAt } from "./discovery.ts";
import { methodNotAllowed, pathNotFound } from "./failures.ts";
import { representationOf } from "./negotiation.ts";
import { openApiAt, openApiV2 } from "./openapi.ts";
import type { RequestInfo } from "./request-info.ts";
import { json } from "./responses.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** Answers what is no resource: health, version, discovery, OpenAPI. */
export function answerPlainPath(
  info: RequestInfo,
  { types: registry, ready, headers }: { types: TypeRegistry; ready: boolean; headers: Headers },
): Response {
  if (info.verb !== "get" && info.verb !== "head") throw methodNotAllowed();
  switch (info.path) {
    case "/version":
      return json(versionInfo, 200);
    case "/readyz":
      return ready ? new Response("ok") : new Response("starting", { status: 500 });
    case "/healthz":
    case "/livez":
      return new Response("ok");
    case "/":
      return json(
        { paths: ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"] },
        200,
      );
  }
  const types = registry.all();
  if (info.path === "/openapi/v2") return openApiV2(headers.get("accept"));
  if (info.path.startsWith("/openapi/")) {
    const document = openApiAt(info.path, types);
    if (document !== undefined) return json(document, 200);
    throw pathNotFound();
  }
  const aggregated = representationOf(headers.get("accept")) === "aggregatedDiscovery";
  const body = discoveryAt(info.path, types, aggregated);
  if (body === undefined) throw pathNotFound();
  return json(
    body,
    200,
    aggregated && info.path.split("/").length === 2
      ? "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
      : undefined,
  );
}

const versionInfo = {
  major: "1",
  minor: "35",
  gitVersion: "v1.35.0-local-cluster",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "2026-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "none",
  platform: "local/cluster",
};
