// pure
import { apiVersionOf, type ResourceType } from "../schema/resource-type.ts";

/**
 * `/openapi/v3` and the documents below it: for every kind its schema and the paths whose PATCH takes `fieldValidation`,
 * by which kubectl decides to let the server validate.
 */
export function openApiAt(path: string, types: readonly ResourceType[]): unknown {
  if (path === "/openapi/v3") {
    const paths = [...new Set(types.map(pathOf))];
    return { paths: Object.fromEntries(paths.map((each) => [each, { serverRelativeURL: `/openapi/v3/${each}` }])) };
  }
  const served = types.filter((type) => path === `/openapi/v3/${pathOf(type)}`);
  return served.length === 0 ? undefined : document(served);
}

function pathOf({ group, version }: ResourceType): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function document(types: readonly ResourceType[]): unknown {
  return {
    openapi: "3.0.0",
    info: { title: "local-cluster", version: "v1.35.0" },
    paths: Object.fromEntries(types.flatMap(pathsOf)),
    components: { schemas: Object.fromEntries(types.map((type) => [schemaName(type), schemaOf(type)])) },
  };
}

function pathsOf(type: ResourceType): [string, unknown][] {
  const { group, version, kind, plural, namespaced } = type;
  const base = `/${pathOf(type)}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}`;
  const names = ["dryRun", "fieldManager", "fieldValidation", "force"];
  const operation = (action: string) => ({
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version, kind },
    parameters: names.map((name) => ({ name, in: "query", schema: { type: name === "force" ? "boolean" : "string" } })),
    responses: {
      "200": {
        description: "OK",
        content: { "application/json": { schema: { $ref: `#/components/schemas/${schemaName(type)}` } } },
      },
    },
  });
  return [
    [base, { get: operation("list"), post: operation("post") }],
    [`${base}/{name}`, { get: operation("get"), put: operation("put"), patch: operation("patch") }],
  ];
}

function schemaOf(type: ResourceType): unknown {
  const { group, version, kind } = type;
  return { ...type.schema, "x-kubernetes-group-version-kind": [{ group, version, kind }] };
}

/**
 * `/openapi/v2`, which publishes no schemas here: kubectl asks for it before it validates a `List` or an unknown kind by
 * itself, finds nothing to validate by, and leaves that to the server. Zero bytes are the empty document in protobuf.
 */
export function openApiV2(accept: string | null): Response {
  const protobuf = "application/com.github.proto-openapi.spec.v2";
  // The type that clients ask for (`@v1.0`) is no valid media type to answer with.
  if (accept?.includes(protobuf)) return new Response("", { headers: { "Content-Type": `${protobuf}.v1.0+protobuf` } });
  return Response.json({ swagger: "2.0", info: { title: "local-cluster", version: "v1.35.0" }, paths: {} });
}

function schemaName(type: ResourceType): string {
  return `local.${apiVersionOf(type).replaceAll(/[^A-Za-z0-9.]/g, ".")}.${type.kind}`;
}
