import { findCondition } from "../../contracts/conditions.ts";
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { apiVersion, type PolicyKind, policyKindNames, policyKinds, uniqueName } from "../../contracts/names.ts";
import { policy, policyServer, type Stage, untilCondition, untilGone } from "../../local-cluster/demo/looks.ts";
import { until } from "../../local-cluster/demo/until.ts";

export const deploymentsNamespace = "kubewarden";
/** An image that only lives and dies as a policy server does (test/doubles/policy-server.ts). */
export const policyServerImage = "policy-server-double:1";

type Step = { title: string; run(stage: Stage): Promise<void> };

const fieldManager = "someone";
const webhookVersion = "admissionregistration.k8s.io/v1";
const inNamespace = (apiVersion: string, kind: string, name: string): ObjectRef => ({
  apiVersion,
  kind,
  name,
  namespace: deploymentsNamespace,
});
const owned = "policy-server-default";
const secret = inNamespace("v1", "Secret", owned);
const budget = inNamespace("policy/v1", "PodDisruptionBudget", owned);
const validating: ObjectRef = {
  apiVersion: webhookVersion,
  kind: "ValidatingWebhookConfiguration",
  name: "clusterwide-p",
};
const policies = policyKindNames.map((kind) => policyFor(kind, "p"));
const mutating = policyFor("ClusterAdmissionPolicy", "m", { mutating: true });

/**
 * What the three controllers need their rights for, all of it: the steps that check-rbac.ts plays. A new right needs a
 * step that uses it.
 */
export const story: readonly Step[] = [
  {
    title: "the default PolicyServer comes up",
    run: async (stage) => {
      await untilCondition(stage, policyServer("default"), "CertSecretReconciled");
      await untilCondition(stage, policyServer("default"), "DeploymentReconciled");
    },
  },
  {
    title: "policies of every kind become active",
    run: async (stage) => {
      for (const object of [...policies, mutating]) await stage.kube.apply(object, { fieldManager });
      for (const object of [...policies, mutating]) await untilCondition(stage, refOfPolicy(object), "PolicyActive");
    },
  },
  {
    title: "a changed policy is rolled out, and the old configuration goes",
    run: async (stage) => {
      const before = await versionsOf(stage);
      await patch(stage, policy("ClusterAdmissionPolicy", "p"), { spec: { settings: { changed: true } } });
      await until("the old ConfigMaps gone", async () => {
        const left = (await versionsOf(stage)).filter((each) => before.includes(each));
        return left.length === 0 || left.join();
      }, stage.wait);
    },
  },
  {
    title: "a budget comes and goes",
    run: async (stage) => {
      await patch(stage, policyServer("default"), { spec: { minAvailable: 1 } });
      await until("a budget", async () => await stage.kube.get(budget) !== undefined || "none", stage.wait);
      await patch(stage, policyServer("default"), { spec: { minAvailable: null } });
      await untilGone(stage, budget);
    },
  },
  {
    title: "what was changed by hand is put back",
    run: async (stage) => {
      const label = "app.kubernetes.io/part-of";
      await patch(stage, secret, { metadata: { labels: { [label]: null } } });
      await until(
        "the label of the Secret",
        async () => (await stage.kube.get(secret))?.metadata.labels?.[label] !== undefined || "none",
        stage.wait,
      );
      await patch(stage, secret, { data: { "tls.crt": null } });
      await until(
        "the certificate",
        async () => ((await stage.kube.get(secret))?.data as Record<string, string>)["tls.crt"] !== undefined || "none",
        stage.wait,
      );
      await stage.kube.remove(validating);
      await until("the webhook", async () => await stage.kube.get(validating) !== undefined || "none", stage.wait);
    },
  },
  {
    title: "what the defaults cannot say is said on their ConfigMap",
    run: async (stage) => {
      const defaults = inNamespace("v1", "ConfigMap", "kubewarden-defaults");
      await patch(stage, defaults, { data: { "bad.yaml": "a: [" } });
      await until(
        "an annotation",
        async () => (await stage.kube.get(defaults))?.metadata.annotations !== undefined || "none",
        stage.wait,
      );
    },
  },
  {
    title: "policies are deleted, and their webhooks go",
    run: async (stage) => {
      for (const object of [...policies, mutating]) await stage.kube.remove(refOfPolicy(object));
      for (const object of [...policies, mutating]) {
        await untilGone(stage, refOfPolicy(object));
        const kind = object === mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration";
        const name = uniqueName(object.kind as PolicyKind, object.metadata);
        await untilGone(stage, { apiVersion: webhookVersion, kind, name });
      }
    },
  },
  {
    title: "a PolicyServer is deleted with a policy on it",
    run: async (stage) => {
      const other = { apiVersion, kind: "PolicyServer", metadata: { name: "other" } };
      await stage.kube.apply({ ...other, spec: { image: policyServerImage, replicas: 1 } }, { fieldManager });
      const bound = policyFor("ClusterAdmissionPolicy", "bound", { policyServer: "other" });
      await stage.kube.apply(bound, { fieldManager });
      await untilCondition(stage, refOfPolicy(bound), "PolicyActive");
      await stage.kube.remove(policyServer("other"));
      await untilGone(stage, policyServer("other"));
      await until("the policy without a server", async () => {
        const found = await stage.kube.get(refOfPolicy(bound));
        const active = found && findCondition(found, "PolicyActive");
        return active?.status === "False" || `${active?.status}`;
      }, stage.wait);
    },
  },
];

function policyFor(kind: PolicyKind, name: string, more: object = {}): KubeObject {
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

function refOfPolicy({ kind, metadata }: KubeObject): ObjectRef {
  return policy(kind as PolicyKind, metadata.name, metadata.namespace);
}

async function patch({ kube, wait }: Stage, ref: ObjectRef, body: object): Promise<void> {
  await kube.patch(ref, body, { type: "merge", fieldManager, signal: wait.signal });
}

async function versionsOf({ kube, wait }: Stage): Promise<string[]> {
  const labelSelector = "kubewarden/policy-server=default";
  const { items } = await kube.list({ apiVersion: "v1", kind: "ConfigMap" }, {
    namespace: deploymentsNamespace,
    labelSelector,
    signal: wait.signal,
  });
  return items.map(({ metadata }) => metadata.name).filter((name) => name !== owned);
}
