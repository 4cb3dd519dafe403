import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import {
  annotations,
  apiVersion,
  labels,
  partOfValue,
  type PolicyKind,
  policyKinds,
  uniqueName,
} from "../../contracts/names.ts";
import { policy, type Stage } from "../../local-cluster/demo/looks.ts";
import { until } from "../../local-cluster/demo/until.ts";

export const deploymentsNamespace = "kubewarden";
export const fieldManager = "someone";
export const owned = "policy-server-default";
const webhookVersion = "admissionregistration.k8s.io/v1";

export function inNamespace(apiVersion: string, kind: string, name: string): ObjectRef {
  return { apiVersion, kind, name, namespace: deploymentsNamespace };
}

export function webhookRef(kind: "Validating" | "Mutating", { kind: policyKind, metadata }: KubeObject): ObjectRef {
  const name = uniqueName(policyKind as PolicyKind, metadata);
  return { apiVersion: webhookVersion, kind: `${kind}WebhookConfiguration`, name };
}

/** A policy that no request is about. */
export function policyFor(kind: PolicyKind, name: string, more: object = {}): KubeObject {
  const { namespaced, group } = policyKinds[kind];
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["endpoints"] }];
  const module = "https://modules.example/policy.wasm";
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespaced ? { namespace: "default" } : {}) },
    spec: group
      ? { policies: { a: { module } }, expression: "a()", message: "no", rules, ...more }
      : { module, mutating: false, rules, ...more },
  };
}

export function refOfPolicy({ kind, metadata }: KubeObject): ObjectRef {
  return policy(kind as PolicyKind, metadata.name, metadata.namespace);
}

export async function patch({ kube, wait }: Stage, ref: ObjectRef, body: object): Promise<void> {
  await kube.patch(ref, body, { type: "merge", fieldManager, signal: wait.signal });
}

/** Names of the ConfigMaps that pods of the default PolicyServer may mount. */
export async function versionsOf({ kube, wait }: Stage): Promise<string[]> {
  const labelSelector = "kubewarden/policy-server=default";
  const { items } = await kube.list({ apiVersion: "v1", kind: "ConfigMap" }, {
    namespace: deploymentsNamespace,
    labelSelector,
    signal: wait.signal,
  });
  return items.map(({ metadata }) => metadata.name).filter((name) => name !== owned);
}

/** Waits until an object is there. */
export function untilThere({ kube, wait }: Stage, ref: ObjectRef): Promise<void> {
  return until(`${ref.kind} "${ref.name}"`, async () => await kube.get(ref) !== undefined || "none", wait);
}

/** A webhook as it stays behind when its policy was taken away by force. */
export function orphanOf(object: KubeObject): KubeObject {
  const ref = webhookRef("Validating", object);
  return {
    apiVersion: ref.apiVersion,
    kind: ref.kind,
    metadata: {
      name: ref.name,
      labels: { [labels.partOf]: partOfValue },
      annotations: {
        [annotations.policyName]: object.metadata.name,
        [annotations.policyNamespace]: object.metadata.namespace ?? "",
      },
    },
    webhooks: [],
  };
}
