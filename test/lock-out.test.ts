import { tmpdir } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findCondition } from "../contracts/conditions.ts";
import { messageOf } from "../contracts/errors.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { annotations, apiVersion, labels } from "../contracts/names.ts";
import { policy, policyServer, tryPod, untilCondition, untilDenied } from "../local-cluster/demo/looks.ts";
import { until } from "../local-cluster/demo/until.ts";
import { webhookApiVersion } from "../services/webhook-registrar/webhook.ts";
import { applyAll, deploymentsNamespace, installedCluster, servingPods } from "./installed-cluster.ts";
import { denialOfGreedy, greedy, privilegedPods } from "./privileged-pods.ts";

/** A policy on the namespace that its own policy server runs in, and on what that server is made of. */
const installed = await installedCluster({ moreModules: tmpdir(), change: judgingOwnNamespace });
const { kube, stage, modules } = installed;
test.after(() => installed.stop());

/** By default a policy server accepts everything in its own namespace. */
function judgingOwnNamespace(object: KubeObject): KubeObject {
  if (object.kind !== "Deployment" || object.metadata.labels?.[labels.component] !== "reconciler") return object;
  const name = "KUBEWARDEN_ALWAYS_ACCEPT_ADMISSION_REVIEWS_ON_DEPLOYMENTS_NAMESPACE";
  const copy = structuredClone(object) as KubeObject & {
    spec: { template: { spec: { containers: { env: { name: string; value?: string }[] }[] } } };
  };
  const variable = copy.spec.template.spec.containers[0]!.env.find((each) => each.name === name);
  if (!variable) throw new Error(`deploy/kustomize does not set ${name}`);
  variable.value = "false";
  return copy;
}

const owners = policy("AdmissionPolicy", "owners", deploymentsNamespace);
const everyOperation = { apiVersions: ["v1"], operations: ["*"] };
const ownersPolicy: KubeObject = {
  apiVersion,
  kind: "AdmissionPolicy",
  metadata: { name: "owners", namespace: deploymentsNamespace },
  spec: {
    module: `${modules.examples}/required-labels/policy.wasm`,
    settings: { labels: ["owner"] },
    mutating: false,
    rules: [
      { apiGroups: [""], resources: ["pods"], ...everyOperation },
      { apiGroups: ["apps"], resources: ["deployments", "replicasets"], ...everyOperation },
    ],
  },
};

/** What the API server says to somebody else's Pod in the deployments namespace. */
async function answerToForeignPod(): Promise<string> {
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
  };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "foreign", namespace: deploymentsNamespace },
    spec: { containers: [{ name: "main", image: "registry.example/any:1", securityContext }] },
  };
  return await kube.create(pod, { dryRun: true, signal: stage.wait.signal }).then(() => "admitted", messageOf);
}

async function untilAnswered(words: string): Promise<void> {
  await until(`"${words}" to a foreign Pod`, async () => {
    const answer = await answerToForeignPod();
    return answer.includes(words) || answer;
  }, stage.wait);
}

const scale = (replicas: number) => kube.patch(policyServer("default"), { spec: { replicas } }, { type: "merge" });

test("a policy on the deployments namespace judges what others do there", async () => {
  await applyAll(kube, [ownersPolicy]);
  await untilCondition(stage, owners, "PolicyActive");
  await untilAnswered("Missing required labels: owner");
});

test("a policy server whose pods its own policy would refuse comes back from nothing", async () => {
  await scale(0);
  await until("no pod of the policy server", async () => {
    return servingPods(installed).length === 0 || "some";
  }, stage.wait);
  await untilAnswered("failed calling webhook");
  await scale(1);
  await untilCondition(stage, owners, "PolicyUniquelyReachable");
  await untilAnswered("Missing required labels: owner");
  const name = "namespaced-kubewarden-owners";
  const webhook = await kube.get({ apiVersion: webhookApiVersion, kind: "ValidatingWebhookConfiguration", name });
  assert.is((webhook!.webhooks as { failurePolicy: string }[])[0]!.failurePolicy, "Fail");
});

test("a policy with a deadlock guard lets requests pass while its server stays away, and judges again after", async () => {
  const patient = { ...stage.wait, limitMs: 180_000 };
  await kube.patch(privilegedPods, { metadata: { annotations: { [annotations.relaxWhenUnavailableAfter]: "30s" } } }, {
    type: "merge",
  });
  await untilDenied(stage, greedy, denialOfGreedy);
  await scale(0);
  await until("a refusal for want of a server", async () => {
    const answer = await tryPod(stage, greedy, true).catch(messageOf);
    return typeof answer === "string" && answer.includes("failed calling webhook") || "another answer";
  }, stage.wait);
  await until("a privileged Pod that passes", async () => {
    const answer = await tryPod(stage, greedy, true).catch(messageOf);
    return typeof answer !== "string" || answer;
  }, patient);
  const told = findCondition((await kube.get(privilegedPods))!, "PolicyActive")!;
  assert.equal([told.status, told.reason], ["True", "WebhookRelaxed"]);
  await scale(1);
  await untilDenied({ ...stage, wait: patient }, greedy, denialOfGreedy);
  await until("PolicyActive as before", async () => {
    const { reason } = findCondition((await kube.get(privilegedPods))!, "PolicyActive")!;
    return reason === "PolicyActive" || reason;
  }, patient);
});

test.run();
