// pure
import { badRequest } from "./failures.ts";

/** What a request asks, as k8s.io/apiserver `request.RequestInfo` reads it from method and path. */
export type RequestInfo = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** get list watch create update patch delete deletecollection; or the lower-case method for other paths. */
  readonly verb: string;
  /** Present for paths of resources. */
  readonly target?: ResourceTarget;
};

export type ResourceTarget = {
  readonly group: string;
  readonly version: string;
  /** The plural. */
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
};

/** Reads `/api/v1/...` and `/apis/<group>/<version>/...`; everything shorter is not a resource. */
export function requestInfoOf(method: string, url: URL): RequestInfo {
  const path = url.pathname;
  const base = { method, path, query: url.searchParams };
  const target = targetOf(path.split("/").filter((part) => part !== "").map(decodePart));
  return target === undefined
    ? { ...base, verb: method.toLowerCase() }
    : { ...base, verb: verbOf(method, target, url.searchParams), target };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`the path is not readable at "${part}"`);
  }
}

function targetOf(parts: string[]): ResourceTarget | undefined {
  const groupParts = parts[0] === "api" ? ["", parts[1] ?? ""] : parts[0] === "apis" ? parts.slice(1, 3) : [];
  const [group, version] = groupParts;
  let rest = parts.slice(parts[0] === "api" ? 2 : 3);
  if (group === undefined || !version || rest.length === 0) return undefined;
  let namespace: string | undefined;
  if (rest[0] === "namespaces") {
    // `namespaces/x`, `namespaces/x/status` and `namespaces/x/finalize` are about the Namespace itself.
    const aboutNamespace = rest.length <= 2 || (rest.length === 3 && ["status", "finalize"].includes(rest[2] ?? ""));
    namespace = rest[1];
    if (!aboutNamespace) rest = rest.slice(2);
  }
  const [resource = "", name, ...subresource] = rest;
  return {
    group,
    version,
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource.length === 0 ? {} : { subresource: subresource.join("/") }),
  };
}

function verbOf(method: string, { name }: ResourceTarget, query: URLSearchParams): string {
  switch (method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return name === undefined ? "deletecollection" : "delete";
    case "GET":
    case "HEAD":
      if (["true", "1"].includes(query.get("watch") ?? "")) return "watch";
      return name === undefined ? "list" : "get";
    default:
      return method.toLowerCase();
  }
}
