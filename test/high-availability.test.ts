/**
 * Two replicas of each controller in the local cluster. The leaders are killed, and frozen for longer than their Leases
 * last: a policy that is applied right then becomes active, and no webhook is missing for a moment.
 */
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { controllerServiceAccounts as controllers } from "../contracts/names.ts";
import { eventually, objectWhere } from "../local-cluster/testing/observe.ts";
import type { RunningPod } from "../local-cluster/node/node.ts";
import { silentLog } from "../runtime/telemetry/log.ts";
import { WatchCache } from "../runtime/kube/watch-cache.ts";
import {
  doublePolicyServer,
  is,
  metricsOf,
  policyRef,
  startControllersCluster,
  uncalledPolicy,
  withEnvironment,
} from "./controllers-cluster.ts";

const env = {
  KUBEWARDEN_LEASE_DURATION: "12s",
  KUBEWARDEN_LEASE_RENEW_DEADLINE: "8s",
  KUBEWARDEN_LEASE_RETRY_PERIOD: "1s",
};
const { kube, cluster, pods, stop } = await startControllersCluster({
  disturbances: true,
  change: (object) => withEnvironment(object, controllers, { replicas: 1, env }),
});
test.after(stop);

const webhooks = { apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingWebhookConfiguration" };
const isActive = is("PolicyActive", "True");

/** A new policy goes all the way; the webhooks of those before it stand as they stood. */
async function anotherBecomesActive(name: string): Promise<void> {
  const uidsOf = ({ items }: { items: KubeObject[] }) => items.map(({ metadata }) => metadata.uid);
  const before = uidsOf(await kube.list(webhooks));
  await kube.create(uncalledPolicy(name, "default"));
  await objectWhere(kube, policyRef(name), isActive);
  const after = uidsOf(await kube.list(webhooks));
  assert.equal(before.filter((uid) => !after.includes(uid)), []);
}

async function isLeading(pod: RunningPod): Promise<boolean> {
  return (await metricsOf([pod])).some(({ name, value }) => name === "kubewarden_leading" && value === 1);
}

async function leaderOf(controller: string, among = () => pods(controller)): Promise<RunningPod> {
  return await eventually(`a replica of ${controller} leads`, async () => {
    for (const pod of among()) if (await isLeading(pod)) return pod;
    return undefined;
  });
}

const send = (signal: NodeJS.Signals, { pids }: RunningPod) => pids.forEach((pid) => process.kill(pid, signal));

test("a second replica of each controller stands by, ready, with its caches filled", async () => {
  await kube.create(doublePolicyServer("default"));
  await anotherBecomesActive("first");
  for (const name of controllers) {
    const deployment = { apiVersion: "apps/v1", kind: "Deployment", name, namespace: "kubewarden" };
    await kube.patch(deployment, { spec: { replicas: 2 } }, { type: "merge", subresource: "scale" });
  }
  for (const controller of controllers) {
    const replies = await eventually(`two ready replicas of ${controller}`, async () => {
      const answers = await Promise.all(pods(controller).map(({ podIP }) => fetch(`http://${podIP}:8081/readyz`)));
      return answers.length === 2 && answers.every(({ ok }) => ok) && answers;
    });
    const words = await Promise.all(replies.map((each) => each.text()));
    assert.equal(words.sort(), ["ok, leading\n", "ok, standing by\n"], controller);
  }
});

test("leaders that are killed leave no gap", async () => {
  const leaders = await Promise.all(controllers.map((each) => leaderOf(each)));
  for (const each of leaders) send("SIGKILL", each);
  await anotherBecomesActive("after-kill");
});

test("leaders that are deleted hand over", async () => {
  for (const controller of controllers) {
    const { name, namespace } = await leaderOf(controller);
    await kube.remove({ apiVersion: "v1", kind: "Pod", name, namespace });
  }
  await anotherBecomesActive("after-deletion");
});

test("leaders that are frozen are replaced when their Leases have run out, and write nothing when they thaw", async () => {
  for (const controller of controllers) await eventually("two replicas", () => pods(controller).length === 2);
  const frozen = await Promise.all(controllers.map((each) => leaderOf(each)));
  const late: string[] = [];
  for (const each of frozen) send("SIGSTOP", each);
  await anotherBecomesActive("after-freeze");
  cluster.api.setOnWrite(({ pod, verb, resource, name }) => {
    if (frozen.some((each) => each.name === pod) && !resource.startsWith("leases.")) {
      late.push(`${pod}: ${verb} ${resource} ${name}`);
    }
  });
  const successors = await Promise.all(
    controllers.map((each, index) =>
      leaderOf(each, () => pods(each).filter(({ name }) => name !== frozen[index]!.name))
    ),
  );
  for (const each of frozen) send("SIGCONT", each);
  for (const [index, { pids }] of frozen.entries()) {
    await eventually("the former leader has ended and stands by anew", async () => {
      const now = pods(controllers[index]!).find(({ name }) => name === frozen[index]!.name);
      return now && now.pids.every((pid) => !pids.includes(pid)) && !await isLeading(now);
    });
  }
  await anotherBecomesActive("after-thaw");
  assert.equal(late, []);
  for (const each of successors) assert.ok(await isLeading(each));
});

test("controllers that are configured anew leave policies active and webhooks as they are", async () => {
  const inactive: string[] = [], done = new AbortController();
  const { apiVersion, kind } = policyRef("");
  const watched = new WatchCache(kube, { apiVersion, kind }, { log: silentLog });
  void watched.start(done.signal);
  await watched.whenSynced(done.signal);
  const policies = watched.list().map(({ metadata }) => metadata.name);
  watched.onChange(({ after }) => {
    if (after && policies.includes(after.metadata.name) && !isActive(after)) inactive.push(after.metadata.name);
  });
  const former = controllers.map((each) => pods(each).map(({ name }) => name));
  for (const name of controllers) {
    const deployment = { apiVersion: "apps/v1", kind: "Deployment", name, namespace: "kubewarden" };
    const containers = [{ name, env: [{ name: "KUBEWARDEN_LOG_LEVEL", value: "debug" }] }];
    await kube.patch(deployment, { spec: { template: { spec: { containers } } } }, { type: "strategic" });
  }
  for (const [index, controller] of controllers.entries()) {
    await eventually(`new replicas of ${controller}`, () => {
      const now = pods(controller);
      return now.length === 2 && now.every(({ name }) => !former[index]!.includes(name));
    }, { withinMs: 120_000 });
  }
  await anotherBecomesActive("after-reconfiguration");
  done.abort();
  assert.equal(inactive, []);
});

test.run();
