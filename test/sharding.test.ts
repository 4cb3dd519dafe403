/**
 * Three replicas of the reconciler and of the registrar that share the work, in the local cluster. The API server tells
 * which pod wrote what, so that two pods that work on the same PolicyServer cannot hide.
 */
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../contracts/errors.ts";
import type { WriteInfo } from "../local-cluster/api/context.ts";
import type { RunningPod } from "../local-cluster/node/node.ts";
import { eventually, objectWhere } from "../local-cluster/testing/observe.ts";
import {
  doublePolicyServer,
  is,
  metricsOf,
  policyRef,
  startControllersCluster,
  uncalledPolicy,
  withEnvironment,
} from "./controllers-cluster.ts";

const replicas = 3;
const sharing = ["reconciler", "webhook-registrar"];
const servers = ["alpha", "beta", "gamma", "delta"];
const env = {
  KUBEWARDEN_SHARDING: "true",
  KUBEWARDEN_LEASE_DURATION: "12s",
  KUBEWARDEN_LEASE_RENEW_DEADLINE: "8s",
  KUBEWARDEN_LEASE_RETRY_PERIOD: "1s",
};
const { kube, cluster, pods, stop } = await startControllersCluster({
  kustomizations: ["base", "member-leases"],
  change: (object) => withEnvironment(object, sharing, { replicas, env }),
});
test.after(stop);

/** Controller and PolicyServer to the pods that wrote about it, in order, each named once for a row of writes. */
const writers = new Map<string, string[]>();
const underWay = new Map<string, Set<string>>();
const overlaps: string[] = [];
cluster.api.setOnWrite(({ user, pod, name = "", resource, phase }: WriteInfo) => {
  const controller = sharing.find((each) => user.endsWith(`:${each}`));
  const server = servers.find((each) =>
    name.includes(`-${each}-`) || name.endsWith(`-${each}`) || name.startsWith(each)
  );
  if (!controller || !pod || !server || resource.startsWith("leases")) return;
  const share = `${controller} ${server}`;
  const busy = underWay.get(share) ?? new Set<string>();
  underWay.set(share, busy);
  if (phase !== "before") return void busy.delete(pod);
  busy.add(pod);
  if (busy.size > 1) overlaps.push(`${share}: ${[...busy].join(" and ")} write ${resource} ${name}`);
  const row = writers.get(share) ?? [];
  if (row.at(-1) !== pod) row.push(pod);
  writers.set(share, row);
});

let round = 0;
/** One more policy for every server; all of them become active. */
async function everyServerServesAnother(): Promise<void> {
  const names = servers.map((server) => `${server}-${round}`);
  round++;
  for (const [index, name] of names.entries()) await kube.create(uncalledPolicy(name, servers[index]!));
  for (const name of names) await objectWhere(kube, policyRef(name), is("PolicyActive", "True"));
}

async function untilMembers(controller: string, count: number, among = () => pods(controller)): Promise<void> {
  const seenBy = (pod: RunningPod) =>
    metricsOf([pod]).then(
      (samples) => samples.find(({ name }) => name === "kubewarden_shard_members")?.value ?? "not yet in",
      messageOf,
    );
  const seen = async () =>
    Object.fromEntries(await Promise.all(among().map(async (pod) => [pod.name, await seenBy(pod)])));
  await eventually(`${count} replicas of ${controller} share the work`, async () => {
    const counts = Object.values(await seen());
    return counts.length === count && counts.every((each) => each === count);
  }, { withinMs: 120_000, last: seen });
}

/** Of the memberships of both controllers; they change when a replica comes or goes. */
async function epochs(): Promise<string> {
  const leases = await Promise.all(
    sharing.map((name) =>
      kube.get({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", name, namespace: "kubewarden" })
    ),
  );
  return leases.map((lease) => lease?.metadata.annotations?.["kubewarden.io/shard-epoch"]).join();
}

const signal = (pids: readonly number[], name: NodeJS.Signals) => pids.forEach((pid) => process.kill(pid, name));

test("sharding: three replicas divide the PolicyServers, and each is one replica's alone", async () => {
  for (const each of sharing) {
    await eventually(`${replicas} pods of ${each}`, () => pods(each).length === replicas);
    await untilMembers(each, replicas);
  }
  for (const server of servers) await kube.create(doublePolicyServer(server));
  const rows = await eventually("a time in which no replica comes or goes", async () => {
    const before = await epochs();
    writers.clear();
    await everyServerServesAnother();
    const seen = sharing.map((controller) => servers.map((server) => writers.get(`${controller} ${server}`) ?? []));
    return await epochs() === before && seen;
  }, { withinMs: 180_000 });
  for (const row of rows.flat()) assert.is(row.length, 1, JSON.stringify(rows));
  for (const row of rows) assert.ok(new Set(row.flat()).size > 1, "all work is one replica's");
});

test("sharding: a replica that is killed comes back to its share", async () => {
  for (const controller of sharing) signal(pods(controller)[0]!.pids, "SIGKILL");
  await everyServerServesAnother();
});

test("sharding: the others take over from a replica that is frozen, and it writes nothing when it thaws", async () => {
  const frozen = sharing.map((controller) => pods(controller)[0]!);
  for (const { pids } of frozen) signal(pids, "SIGSTOP");
  for (const [index, controller] of sharing.entries()) {
    await untilMembers(
      controller,
      replicas - 1,
      () => pods(controller).filter(({ name }) => name !== frozen[index]!.name),
    );
  }
  await everyServerServesAnother();
  const last = new Map([...writers].map(([share, row]) => [share, row.at(-1)]));
  for (const { name } of frozen) assert.not.ok([...last.values()].includes(name), `${name} wrote while it was frozen`);
  for (const { pids } of frozen) signal(pids, "SIGCONT");
  // It finds its Lease gone, ends, is started again and joins anew.
  for (const each of sharing) await untilMembers(each, replicas);
});

test("sharding: a replica that is taken away in good order hands over, and its Lease goes", async () => {
  const scale = { spec: { replicas: replicas - 1 } };
  for (const name of sharing) {
    const deployment = { apiVersion: "apps/v1", kind: "Deployment", name, namespace: "kubewarden" };
    await kube.patch(deployment, scale, { type: "merge" });
  }
  for (const each of sharing) {
    await eventually(`${replicas - 1} pods of ${each}`, () => pods(each).length === replicas - 1);
    await untilMembers(each, replicas - 1);
  }
  await everyServerServesAnother();
  const leases = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };
  await eventually("as many Leases as replicas", async () => {
    const { items } = await kube.list(leases, { namespace: "kubewarden" });
    return items.filter(({ metadata: { name } }) => name.includes("-member-")).length ===
      sharing.length * (replicas - 1);
  });
});

test("sharding: in all of this no two replicas wrote about one PolicyServer at the same time", () => {
  assert.equal(overlaps, []);
});

test.run();
