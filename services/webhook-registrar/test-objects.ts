// pure
import type { Condition, KubeObject } from "../../contracts/kubernetes.ts";
import type { Policy, PolicyStatus } from "../../contracts/policy.ts";
import { webhookFor } from "./desired-webhook.ts";
import type { PolicyFacts, ServerOfPolicy, WebhookKind } from "./facts.ts";

const apiVersion = "policies.kubewarden.io/v1";
/** Objects that the tests of this service start from, as an API server would return them. */
export const owner = { apiVersion: "v1", kind: "Namespace", name: "kubewarden", uid: "ns1" };
export const server: ServerOfPolicy = {
  name: "default",
  uid: "ps1",
  terminating: false,
  caBundle: "pem\n",
};

export const conditionOf = (type: string, status: "True" | "False", observedGeneration: number): Condition => ({
  type,
  status,
  observedGeneration,
  reason: "Whatever",
  message: "",
  lastTransitionTime: "2030-01-02T00:00:00Z",
});
/** Every pod of server `uid` serves that generation. */
export const reachable = (generation: number, uid = "ps1"): PolicyStatus => ({
  conditions: [
    conditionOf("PolicyServerConfigurationUpToDate", "True", generation),
    conditionOf("PolicyUniquelyReachable", "True", generation),
  ],
  servedBy: { policyServerUid: uid, configVersion: "v" },
});
/** Generation 2 of an active policy is on its way to the pods. */
export const rollingOut: PolicyStatus = {
  conditions: [
    conditionOf("PolicyServerConfigurationUpToDate", "True", 2),
    conditionOf("PolicyUniquelyReachable", "False", 2),
    conditionOf("PolicyActive", "True", 1),
  ],
  policyStatus: "active",
};
/** The reconciler serves another policy under the same unique name. */
export const collided: PolicyStatus = {
  conditions: [{ ...conditionOf("PolicyServerConfigurationUpToDate", "False", 2), reason: "NameCollision" }],
};

export type Change = { mutating?: boolean; status?: PolicyStatus; spec?: object; metadata?: object };
export const policyOf = ({ mutating = false, status, spec, metadata }: Change = {}): Policy =>
  ({
    apiVersion,
    kind: "ClusterAdmissionPolicy",
    metadata: { name: "psp", uid: "p1", generation: 2, finalizers: ["kubewarden.io/finalizer"], ...metadata },
    spec: {
      module: "file:///m.wasm",
      mutating,
      backgroundAudit: true,
      mode: "protect",
      policyServer: "default",
      timeoutSeconds: 10,
      rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
      ...spec,
    },
    status,
  }) as Policy;
export const factsOf = (change: Change = {}, more: Partial<PolicyFacts> = {}): PolicyFacts => ({
  about: "policy",
  policy: policyOf(change),
  namespace: "kubewarden",
  owner,
  controllers: ["system:serviceaccount:kubewarden:certs"],
  server,
  webhooks: {},
  taken: [],
  ...more,
});
export const desired = (kind: WebhookKind, facts: PolicyFacts = factsOf(), caBundle = "pem\n"): KubeObject =>
  webhookFor(facts, { kind, server, caBundle });
/** As the API server gives it back. */
export const stored = (kind: WebhookKind, facts?: PolicyFacts, caBundle?: string): KubeObject => {
  const object = structuredClone(desired(kind, facts, caBundle));
  return { ...object, metadata: { ...object.metadata, uid: "w", resourceVersion: "9" } };
};
export const V = "ValidatingWebhookConfiguration", M = "MutatingWebhookConfiguration";
