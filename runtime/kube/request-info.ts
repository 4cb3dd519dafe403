// pure

/** What a request asks for, in the words of RBAC. */
export type KubeRequestInfo = {
  verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";
  /** `deployments.apps`, `policyservers.policies.kubewarden.io/status`; a path that names no resource is `-`. */
  resource: string;
};

const verbs: Record<string, [ofObject: KubeRequestInfo["verb"], ofCollection: KubeRequestInfo["verb"]]> = {
  GET: ["get", "list"],
  POST: ["create", "create"],
  PUT: ["update", "update"],
  PATCH: ["patch", "patch"],
  DELETE: ["delete", "deletecollection"],
};

/** Reads a request as an API server does. Names and namespaces are left out, so that it can be a label of a metric. */
export function kubeRequestInfo(method: string, pathAndQuery: string): KubeRequestInfo {
  const [path = "", query = ""] = pathAndQuery.split("?");
  const [ofObject, ofCollection] = verbs[method] ?? ["get", "get"];
  const { group, segments } = resourceSegments(path.split("/").filter((each) => each !== ""));
  const [plural, name, subresource] = segments;
  if (plural === undefined) return { verb: ofObject, resource: "-" };
  const watches = method === "GET" && new URLSearchParams(query).get("watch") === "1";
  return {
    verb: watches ? "watch" : name === undefined ? ofCollection : ofObject,
    resource: `${plural}${group === "" ? "" : `.${group}`}${subresource === undefined ? "" : `/${subresource}`}`,
  };
}

/** `/api/<version>/...`, `/apis/<group>/<version>/...`, either with `namespaces/<namespace>` before the resource. */
function resourceSegments([root, ...rest]: string[]): { group: string; segments: string[] } {
  const [group, segments] = root === "api"
    ? ["", rest.slice(1)]
    : root === "apis"
    ? [rest[0] ?? "", rest.slice(2)]
    : ["", []];
  const scoped = segments[0] === "namespaces" && segments.length > 2 &&
    !["status", "finalize"].includes(segments[2] ?? "");
  return { group, segments: scoped ? segments.slice(2) : segments };
}
