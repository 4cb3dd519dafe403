// pure
import type { KubeObject } from "../kubernetes.ts";
import { apiVersion } from "../names.ts";

/** An object that a CRD accepts, or refuses with an error at `refusedAt` that says `because`. For tests. */
export type CrdCase = {
  what: string;
  object: KubeObject;
  /** The stored object, when this is an update. */
  old?: KubeObject;
  refusedAt?: string;
  because?: string;
};

export type Spec = Record<string, unknown>;

/** A custom resource with this spec. */
export const object = (kind: string, spec: Spec, name = "n"): KubeObject => ({
  apiVersion,
  kind,
  metadata: kind.startsWith("AdmissionPolicy") ? { name, namespace: "ns" } : { name },
  spec,
});
/** A rule that every kind may have. */
export const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["pods"] };
/** A PolicyServer. */
export const server = (spec: Spec) => object("PolicyServer", { replicas: 1, ...spec });
/** A PolicyServer with this name. */
export const namedServer = (name: string) => object("PolicyServer", { replicas: 1 }, name);
/** An AdmissionPolicy. */
export const ap = (spec: Spec) => object("AdmissionPolicy", { module: "m", mutating: false, rules: [rule], ...spec });
/** A ClusterAdmissionPolicy. */
export const cap = (spec: Spec) =>
  object("ClusterAdmissionPolicy", { module: "m", mutating: false, rules: [rule], ...spec });
const group = (kind: string, spec: Spec) =>
  object(kind, { rules: [rule], expression: "a()", message: "no", policies: { a: { module: "m" } }, ...spec });
/** An AdmissionPolicyGroup. */
export const apg = (spec: Spec) => group("AdmissionPolicyGroup", spec);
/** A ClusterAdmissionPolicyGroup. */
export const capg = (spec: Spec) => group("ClusterAdmissionPolicyGroup", spec);

/** A case that is accepted. */
export const accepts = (what: string, object: KubeObject, old?: KubeObject): CrdCase => ({ what, object, old });
/** A case that is refused when created. */
export const refuses = (what: string, object: KubeObject, refusedAt: string, because: string): CrdCase => ({
  what,
  object,
  refusedAt,
  because,
});
/** A case that is refused when it replaces `old`. */
export const refusesUpdate = (
  what: string,
  old: KubeObject,
  object: KubeObject,
  at: string,
  because: string,
): CrdCase => ({
  ...refuses(what, object, at, because),
  old,
});
