// What a controller leaves out: passes that others' reports would cause, writes of what is in place, keys of others.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { type Controller, runController, type Source } from "./controller.ts";
import { changeFinalizer } from "./finalizers.ts";
import { silentLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { viewOf } from "../kube/object-view.ts";
import { nothingToDo, type Plan } from "./plan.ts";
import { ShardOfMember } from "./shards/shard.ts";
import { MemoryKube } from "../testing/memory-kube.ts";
import { WatchCache } from "../kube/watch-cache.ts";

const configMap = { apiVersion: "v1", kind: "ConfigMap" };
const named = (name: string, more: object = {}): KubeObject => ({
  ...configMap,
  metadata: { name, namespace: "n" },
  ...more,
});
const pause = () => new Promise((resolve) => setTimeout(resolve, 2));

/** Runs a controller of ConfigMaps, one key each, and notes which keys it looked at. */
async function start(o: {
  view?: Source["view"];
  plan?: (key: string) => Partial<Plan>;
  observe?: (key: string) => Promise<void>;
  shard?: ShardOfMember;
  names: string[];
}) {
  const kube = new MemoryKube(), stop = new AbortController(), looked: string[] = [];
  for (const name of o.names) await kube.create(named(name));
  kube.writes.length = 0;
  const cache = new WatchCache(kube, configMap, { log: silentLog, minBackoffMs: 1 });
  const controller: Controller<string> = {
    name: "test",
    sources: [{ cache, keysFor: ({ metadata }) => [metadata.name], ...(o.view ? { view: o.view } : {}) }],
    observe: async (key) => {
      looked.push(key);
      await o.observe?.(key);
      return key;
    },
    plan: (key) => ({ ...nothingToDo, ...o.plan?.(key) }),
  };
  const options = { kube, log: silentLog, metrics: createMetrics(), signal: stop.signal };
  const done = runController(controller, { ...options, ...(o.shard ? { shard: o.shard } : {}) });
  return {
    kube,
    looked,
    async until(condition: () => boolean) {
      while (!condition()) await pause();
    },
    async stop() {
      stop.abort();
      await done;
    },
  };
}

test("controller: a change outside of what its source views wakes nobody", async () => {
  const view = (object: KubeObject) => viewOf(object, { conditions: ["PolicyActive"], fields: ["mine"] });
  const { kube, looked, until, stop } = await start({ view, names: ["a", "b"] });
  await until(() => looked.length === 2);
  const condition = (type: string) => [{ type, status: "True", reason: "", message: "", lastTransitionTime: "" }];
  const report = (name: string, status: object) =>
    kube.replace({ ...kube.objects.get(`v1/ConfigMap/n/${name}`)!, status });
  await report("a", { theirs: 1, conditions: condition("CertSecretReconciled") });
  await report("b", { mine: 1 });
  await until(() => looked.length >= 3);
  await report("b", { mine: 1, conditions: condition("PolicyActive") });
  await until(() => looked.length >= 4);
  assert.equal(looked.slice(2), ["b", "b"]);
  await stop();
});

test("controller: what others write into status, labels and annotations of an object does not repeat its apply", async () => {
  const mine = named("a", { data: { k: "v" } });
  mine.metadata.labels = { app: "ours" };
  const { kube, looked, until, stop } = await start({ plan: () => ({ apply: [mine] }), names: ["a"] });
  const applies = () => kube.writes.filter((each) => each.startsWith("apply")).length;
  await until(() => applies() === 1);
  const standing = () => [...kube.objects.values()][0] as KubeObject;
  const change = async (more: { labels?: object; annotations?: object }, content: object = {}) => {
    const before = looked.length, { metadata, ...rest } = standing();
    await kube.replace({ ...rest, ...content, metadata: { ...metadata, ...more } } as KubeObject);
    await until(() => looked.length > before);
    await pause();
  };
  await until(() => looked.length >= 2);
  await change({}, { status: { replicas: 1 } });
  await change({ annotations: { note: "theirs" } });
  await change({ labels: { app: "ours", tier: "theirs" } });
  assert.is(applies(), 1);
  await change({ labels: { app: "theirs" } });
  await until(() => applies() === 2);
  await change({}, { data: { k: "other" } });
  await until(() => applies() === 3);
  await stop();
});

test("finalizer: is changed without a read where the known version is right, and read where it is not", async () => {
  const kube = new MemoryKube(), reads: string[] = [], { signal } = new AbortController();
  kube.intercept = (verb) => void (verb === "get" && reads.push(verb));
  const known = await kube.create(named("a"));
  const target = { ...configMap, name: "a", namespace: "n", uid: known.metadata.uid ?? "" };
  await changeFinalizer(kube, { target, finalizer: "f", change: "add" }, { signal, known });
  assert.equal(reads, []);
  await changeFinalizer(kube, { target, finalizer: "g", change: "add" }, { signal, known });
  assert.is(reads.length, 1);
  assert.equal([...kube.objects.values()][0]?.metadata.finalizers, ["f", "g"]);
});

test("controller: works on its own share alone, and on what it gains once that is settled", async () => {
  const shard = new ShardOfMember("me", { onDrained: () => {} });
  const names = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  const { looked, until, stop } = await start({ shard, names });
  shard.see({ epoch: "1", members: ["me", "other"] });
  shard.hear(new Map([["me", "1"], ["other", "1"]]));
  await until(() => looked.length > 0);
  shard.see({ epoch: "2", members: ["me"] });
  for (let turn = 0; turn < 20; turn++) await pause();
  const share = new Set(looked);
  assert.ok(share.size > 0 && share.size < names.length, `${share.size} of ${names.length}`);
  shard.hear(new Map([["me", "2"]]));
  await until(() => new Set(looked).size === names.length);
  await stop();
});

test("controller: a membership is confirmed only when the work on what moves away has ended", async () => {
  const drained = Promise.withResolvers<void>(), work = Promise.withResolvers<void>();
  const shard = new ShardOfMember("me", { onDrained: drained.resolve });
  shard.see({ epoch: "1", members: ["me"] });
  shard.hear(new Map([["me", "1"]]));
  const { looked, until, stop } = await start({ shard, names: ["a"], observe: () => work.promise });
  await until(() => looked.length === 1);
  assert.is(shard.confirmable, "1");
  shard.see({ epoch: "2", members: ["other"] });
  assert.is(shard.confirmable, undefined);
  work.resolve();
  await drained.promise;
  assert.is(shard.confirmable, "2");
  await stop();
});

test.run();
