import type { ResourceType } from "../resource-type.ts";
import { defaultersFor } from "./defaulting.ts";
import { rulesFor } from "./rules.ts";
import { schemaOfModel } from "./schemas.ts";
import { strategyFor } from "./strategies.ts";

type Row = {
  readonly kind: string;
  readonly model?: string;
  readonly plural?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly cluster?: true;
  readonly status?: true;
  readonly generation?: true;
  readonly virtual?: true;
};

const workload = { categories: ["all"], status: true, generation: true } as const;
const extension = { categories: ["api-extensions"], cluster: true, generation: true } as const;

/** Group and version to kinds; the plural is the lower-case kind with an `s` unless a row says otherwise. */
const rows: Readonly<Record<string, readonly Row[]>> = {
  "v1": [
    { kind: "ConfigMap", shortNames: ["cm"] },
    { kind: "Endpoints", plural: "endpoints", shortNames: ["ep"] },
    { kind: "Event", model: "CoreV1Event", shortNames: ["ev"] },
    { kind: "Namespace", shortNames: ["ns"], cluster: true, status: true },
    { kind: "Node", shortNames: ["no"], cluster: true, status: true },
    { kind: "Pod", shortNames: ["po"], ...workload },
    { kind: "Secret" },
    { kind: "Service", shortNames: ["svc"], categories: ["all"], status: true },
    { kind: "ServiceAccount", shortNames: ["sa"] },
  ],
  "apps/v1": [
    { kind: "Deployment", shortNames: ["deploy"], ...workload },
    { kind: "ReplicaSet", shortNames: ["rs"], ...workload },
  ],
  "policy/v1": [{ kind: "PodDisruptionBudget", shortNames: ["pdb"], status: true, generation: true }],
  "networking.k8s.io/v1": [{
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    shortNames: ["netpol"],
    generation: true,
  }],
  "scheduling.k8s.io/v1": [
    { kind: "PriorityClass", plural: "priorityclasses", shortNames: ["pc"], cluster: true, generation: true },
  ],
  "coordination.k8s.io/v1": [{ kind: "Lease" }],
  "discovery.k8s.io/v1": [{ kind: "EndpointSlice", generation: true }],
  "events.k8s.io/v1": [{ kind: "Event", model: "EventsV1Event", shortNames: ["ev"] }],
  "rbac.authorization.k8s.io/v1": [
    { kind: "ClusterRole", cluster: true },
    { kind: "ClusterRoleBinding", cluster: true },
    { kind: "Role" },
    { kind: "RoleBinding" },
  ],
  "admissionregistration.k8s.io/v1": [
    { kind: "MutatingWebhookConfiguration", ...extension },
    { kind: "ValidatingWebhookConfiguration", ...extension },
  ],
  "apiextensions.k8s.io/v1": [
    { kind: "CustomResourceDefinition", shortNames: ["crd", "crds"], ...extension, status: true },
  ],
  "authorization.k8s.io/v1": [
    { kind: "LocalSubjectAccessReview", virtual: true },
    { kind: "SelfSubjectAccessReview", cluster: true, virtual: true },
    { kind: "SelfSubjectRulesReview", cluster: true, virtual: true },
    { kind: "SubjectAccessReview", cluster: true, virtual: true },
  ],
  "authentication.k8s.io/v1": [
    { kind: "SelfSubjectReview", cluster: true, virtual: true },
    { kind: "TokenReview", cluster: true, virtual: true },
  ],
};

/** Every built-in kind the local cluster serves. Whatever is not here is a 404, as on a server without that API. */
export function builtinTypes(): ResourceType[] {
  return Object.entries(rows).flatMap(([apiVersion, kinds]) => kinds.map((row) => typeOf(apiVersion, row)));
}

function typeOf(apiVersion: string, row: Row): ResourceType {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") as [string, string] : ["", apiVersion];
  const { kind } = row;
  return {
    group,
    version,
    kind,
    listKind: `${kind}List`,
    plural: row.plural ?? `${kind.toLowerCase()}s`,
    singular: kind.toLowerCase(),
    shortNames: row.shortNames ?? [],
    categories: row.categories ?? [],
    namespaced: row.cluster !== true,
    schema: schemaOfModel(row.model ?? `V1${kind}`),
    hasStatus: row.status === true,
    hasGeneration: row.generation === true,
    columns: [],
    custom: false,
    storage: true,
    ...(row.virtual ? { virtual: true } : {}),
    ...defaultersFor(group, kind),
    ...strategyFor(group, kind),
    ...rulesFor(group, kind),
  };
}
