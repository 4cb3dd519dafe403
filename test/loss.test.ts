import { tmpdir } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../contracts/errors.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { apiVersion, controllerServiceAccounts as controllers, labels } from "../contracts/names.ts";
import { policy, policyServer, tryPod, untilCondition, untilDenied } from "../local-cluster/demo/looks.ts";
import { readManifest } from "../local-cluster/demo/manifests.ts";
import { until } from "../local-cluster/demo/until.ts";
import type { Pod } from "../local-cluster/workloads/pod.ts";
import { sleep } from "../runtime/sleep.ts";
import { withEnvironment } from "./controllers-cluster.ts";
import { allShow, authoritySecret, certificateIn, servingSecret, untilSignedBy } from "./installed-certificates.ts";
import {
  applyAll,
  deploymentsNamespace,
  installedCluster,
  removedAndMadeAgain,
  runningPods,
  servingPods,
  untilObject,
} from "./installed-cluster.ts";
import { denialOfGreedy, greedy, privilegedPods, privilegedPodsWebhook } from "./privileged-pods.ts";

const installed = await installedCluster({ moreModules: tmpdir(), change: withQuickTrust });
const { cluster, kube, stage } = installed;
test.after(() => installed.stop());

/** API servers of the local cluster read a changed webhook within a second; the usual time to wait is a minute. */
function withQuickTrust(object: KubeObject): KubeObject {
  return withEnvironment(object, ["certs"], { env: { KUBEWARDEN_TRUST_SETTLE_TIME: "2s" } });
}

/** Does something while privileged Pods are tried all the time; fails if one of them is not denied by the policy. */
async function withoutOneFailure(work: () => Promise<void>): Promise<void> {
  let done = false;
  const wrong: string[] = [];
  const trying = (async () => {
    while (!done) {
      const answer = await tryPod(stage, greedy, true).catch(messageOf);
      if (typeof answer !== "string" || !answer.includes(denialOfGreedy)) wrong.push(JSON.stringify(answer));
      await sleep(50);
    }
  })();
  await work().finally(() => done = true);
  await trying;
  assert.equal(wrong, []);
}

/** Waits until every pod shows the certificate that its Secret holds then: one that lags may be issued once more. */
async function untilServed(): Promise<void> {
  await until("pods that show the certificate of the Secret", async () => {
    return await allShow(servingPods(installed), certificateIn((await kube.get(servingSecret))!, "tls.crt"));
  }, stage.wait);
}

test("a policy becomes active", async () => {
  await untilCondition(stage, privilegedPods, "PolicyActive");
  await untilCondition(stage, policy("ClusterAdmissionPolicy", "privileged-pods-trusted"), "PolicyActive");
  await untilDenied(stage, greedy, denialOfGreedy);
});

test("a serving certificate's Secret that is deleted is made again, and no request fails", async () => {
  await withoutOneFailure(async () => {
    const { old, made } = await removedAndMadeAgain(stage, servingSecret);
    assert.is.not(certificateIn(made, "tls.crt").fingerprint256, certificateIn(old, "tls.crt").fingerprint256);
    await untilServed();
  });
});

test("a certificate authority that is deleted is made again and handed over to, and no request fails", async () => {
  await withoutOneFailure(async () => {
    const { made } = await removedAndMadeAgain(stage, authoritySecret);
    await untilSignedBy(stage, made);
    await untilServed();
  });
});

/** What somebody does to a webhook, as a JSON Patch. */
const edits: Record<string, [op: string, path: string, value?: unknown][]> = {
  "caBundle": [["replace", "/webhooks/0/clientConfig/caBundle", btoa("-----BEGIN CERTIFICATE-----")]],
  "no caBundle": [["remove", "/webhooks/0/clientConfig/caBundle"]],
  "service": [["replace", "/webhooks/0/clientConfig/service/name", "somewhere-else"]],
  "path": [["replace", "/webhooks/0/clientConfig/service/path", "/validate/another"]],
  "labels and annotations": [["remove", "/metadata/labels"], ["remove", "/metadata/annotations"]],
  "owner": [["remove", "/metadata/ownerReferences"]],
  "rules": [["replace", "/webhooks/0/rules/0/resources", ["services"]]],
  "no rules": [["replace", "/webhooks/0/rules", []]],
  "failurePolicy": [["replace", "/webhooks/0/failurePolicy", "Ignore"]],
  "namespaceSelector": [["replace", "/webhooks/0/namespaceSelector", { matchLabels: { never: "there" } }]],
  "a condition that is never met": [["add", "/webhooks/0/matchConditions", [{ name: "never", expression: "false" }]]],
  "no webhooks": [["replace", "/webhooks", []]],
};

test("a webhook that is edited is put back", async () => {
  const right = (await kube.get(privilegedPodsWebhook))!;
  const essence = ({ metadata, webhooks }: KubeObject) =>
    JSON.stringify([metadata.labels, metadata.annotations, metadata.ownerReferences, webhooks]);
  for (const [what, operations] of Object.entries(edits)) {
    const body = operations.map(([op, path, value]) => ({ op, path, ...(value === undefined ? {} : { value }) }));
    const edited = await kube.patch(privilegedPodsWebhook, body, { type: "json" });
    assert.is.not(essence(edited), essence(right), what);
    await untilObject(
      stage,
      privilegedPodsWebhook,
      (object) => essence(object) === essence(right) || `${what}: ${essence(object)}`,
    );
  }
  await untilDenied(stage, greedy, denialOfGreedy);
});

test("a webhook that is deleted is made again", async () => {
  const { old, made } = await removedAndMadeAgain(stage, privilegedPodsWebhook);
  assert.equal(made.webhooks, old.webhooks);
  await untilDenied(stage, greedy, denialOfGreedy);
});

async function podOf(controller: string): Promise<Pod> {
  const selector = { namespace: deploymentsNamespace, labelSelector: `${labels.component}=${controller}` };
  const { items } = await kube.list({ apiVersion: "v1", kind: "Pod" }, selector);
  assert.is(items.length, 1, controller);
  return items[0] as Pod;
}

const containerOf = async (controller: string) => (await podOf(controller)).status!.containerStatuses![0]!;
const pidsOf = (controller: string) => runningPods(installed, labels.component, controller).flatMap(({ pids }) => pids);

type WatchFailure = { message: string; cache?: string; failures: number };

/** What the pod's process said of its watch for PolicyServers that broke. */
async function watchFailuresOf(pod: Pod): Promise<WatchFailure[]> {
  let text = "";
  for await (const piece of cluster.node.log(pod, {})) text += piece;
  const lines = text.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as WatchFailure);
  return lines.filter(({ message, cache }) => message === "watch interrupted" && cache === "PolicyServer");
}

/** No privileged Pods among those labelled `looked-at-by=<name>`. */
async function anotherPolicy(name: string): Promise<KubeObject> {
  const [example] = await readManifest("privileged-pods", stage.modulesHost);
  const { spec } = example!;
  const selectors = { objectSelector: { matchLabels: { "looked-at-by": name } }, namespaceSelector: {} };
  return {
    apiVersion,
    kind: "ClusterAdmissionPolicy",
    metadata: { name },
    spec: { ...spec as object, ...selectors },
  };
}

/** The API server is away while `meanwhile` lasts. */
async function withoutApiServer(meanwhile: () => Promise<void>): Promise<void> {
  await cluster.api.setAvailable(false);
  try {
    await meanwhile();
  } finally {
    await cluster.api.setAvailable(true);
  }
}

test("an API server that is away for a moment finds the controllers where they were", async () => {
  await applyAll(kube, [await anotherPolicy("before-outage")]);
  const pods = await Promise.all(controllers.map(podOf));
  await withoutApiServer(async () => {
    for (const pod of pods) {
      await until(`six failures of ${pod.metadata.name}`, async () => {
        const failures = await watchFailuresOf(pod);
        return (failures.at(-1)?.failures ?? 0) >= 6 || `${failures.length} failures`;
      }, stage.wait);
    }
  });
  await untilCondition(stage, policy("ClusterAdmissionPolicy", "before-outage"), "PolicyActive");
  await untilDenied(stage, greedy, denialOfGreedy);
  for (const controller of controllers) assert.is((await containerOf(controller)).restartCount, 0, controller);
});

test("an API server that is away for longer than a Lease lasts finds them started again and at work", async () => {
  const before = new Set(controllers.flatMap(pidsOf));
  await withoutApiServer(() =>
    until("other processes, since a leader that cannot renew its Lease ends", async () => {
      const now = controllers.map(pidsOf);
      return now.every((pids) => pids.length > 0 && pids.every((pid) => !before.has(pid))) || JSON.stringify(now);
    }, stage.wait)
  );
  await removedAndMadeAgain(stage, servingSecret);
  await removedAndMadeAgain(stage, { ...servingSecret, kind: "Service" });
  await removedAndMadeAgain(stage, privilegedPodsWebhook);
  await untilDenied(stage, greedy, denialOfGreedy);
});

test("controllers that were killed come back and go on with their work", async () => {
  for (const controller of controllers) {
    const { restartCount } = await containerOf(controller);
    for (const pid of pidsOf(controller)) process.kill(pid, "SIGKILL");
    await until(`${controller} is back`, async () => {
      const container = await containerOf(controller);
      return container.restartCount > restartCount && container.ready || JSON.stringify(container);
    }, stage.wait);
  }
  // A new policy server needs all three.
  const spec = { replicas: 1, insecureSources: [stage.modulesHost] };
  const another = await anotherPolicy("after-kills");
  await applyAll(kube, [
    { apiVersion, kind: "PolicyServer", metadata: { name: "second" }, spec },
    { ...another, spec: { ...another.spec as object, policyServer: "second" } },
  ]);
  await untilCondition(stage, policyServer("second"), "CertSecretReconciled");
  await untilCondition(stage, policy("ClusterAdmissionPolicy", "after-kills"), "PolicyActive");
  // Where no other policy looks at it.
  const wish = { ...greedy, namespace: "trusted", labels: { "looked-at-by": "after-kills" } };
  await untilDenied(stage, wish, denialOfGreedy);
});

test.run();
