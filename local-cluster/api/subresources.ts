// pure
import type { ResourceType } from "../schema/resource-type.ts";

/** A subresource as discovery tells it. */
export type Subresource = {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
};

const scalable = new Set(["deployments", "replicasets"]);

/** What is served below an object of this type; anything else is a 404. */
export function subresourcesOf(type: ResourceType): Subresource[] {
  const { group, version, kind, plural } = type;
  const own = { group, version, kind };
  const core = (name: string, list: Subresource[]) => group === "" && plural === name ? list : [];
  return [
    ...(type.hasStatus ? [{ ...own, name: "status", verbs: ["get", "patch", "update"] }] : []),
    ...(group === "apps" && scalable.has(plural)
      ? [{ name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs: ["get", "patch", "update"] }]
      : []),
    ...core("namespaces", [{ ...own, name: "finalize", verbs: ["update"] }]),
    ...core("pods", [
      { ...own, name: "log", verbs: ["get"] },
      { ...own, name: "binding", kind: "Binding", verbs: ["create"] },
    ]),
    ...core("serviceaccounts", [
      { name: "token", group: "authentication.k8s.io", version: "v1", kind: "TokenRequest", verbs: ["create"] },
    ]),
  ];
}

/** The verbs of the type itself. */
export function verbsOf(type: ResourceType): string[] {
  return type.virtual
    ? ["create"]
    : ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
}
