import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { runController } from "./controller.ts";
import { silentLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { nothingToDo, type Plan } from "./plan.ts";
import { failure, MemoryKube } from "../testing/memory-kube.ts";
import { type Root, root, rootKind, running } from "../testing/running-controller.ts";
import { WatchCache } from "../kube/watch-cache.ts";

const secret: KubeObject = { apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "n" } };
const target = (object: KubeObject) => ({ ...rootKind, name: object.metadata.name, uid: object.metadata.uid ?? "" });
const statusOf = (object: KubeObject, reason = "Fine"): Plan["status"] => [{
  target: target(object),
  conditions: [{ type: "Ready", status: "True", reason, message: "" }],
}];
const reasonOf = (object: Root) =>
  (object?.status as { conditions?: { reason: string }[] } | undefined)?.conditions?.[0]?.reason;

test("controller: carries out in the order finalizer, apply, remove, status", async () => {
  const { kube, stop, until } = await running({
    plan: (observed) =>
      observed
        ? {
          finalizers: [{ target: target(observed), finalizer: "f", change: "add" }],
          apply: [secret],
          remove: [{ apiVersion: "v1", kind: "Service", name: "old", namespace: "n" }],
          status: statusOf(observed),
        }
        : {},
  });
  await until(() => kube.writes.length >= 4);
  await stop();
  const order = ["patch PolicyServer main", "apply Secret s", "remove Service old", "apply status PolicyServer main"];
  assert.equal(kube.writes.slice(0, 4), order);
});

test("controller: a refused write still writes the status, as onFailure has it, and comes again", async () => {
  let refusals = 2;
  const reasons: (string | undefined)[] = [];
  const { live, stop, until, kube } = await running({
    prepare: (kube) => {
      kube.intercept = (verb, name, object) => {
        if (verb === "apply" && name === "s" && refusals-- > 0) throw failure("KUBE_INVALID");
        if (verb === "apply status") reasons.push(reasonOf(object));
      };
    },
    plan: (observed) => observed ? { apply: [secret], status: statusOf(observed) } : {},
    onFailure: (observed, failures) => {
      assert.is(failures[0]?.ref.name, "s");
      return observed ? statusOf(observed, "Refused") : [];
    },
  });
  await until(() => reasonOf(live()) === "Fine");
  await stop();
  assert.is(reasons[0], "Refused");
  assert.is(reasons.at(-1), "Fine");
  assert.ok(kube.objects.has("v1/Secret/n/s"));
});

test("controller: without onFailure the planned status is written after a failure", async () => {
  const { live, stop, until } = await running({
    prepare: (kube) => {
      kube.intercept = (verb) => {
        if (verb === "apply") throw failure("KUBE_FORBIDDEN");
      };
    },
    plan: (observed) => observed ? { apply: [secret], status: statusOf(observed) } : {},
  });
  await until(() => reasonOf(live()) === "Fine");
  await stop();
});

test("controller: a failed write ends the object writes and keeps the finalizer", async () => {
  const { kube, live, stop, until } = await running({
    prepare: async (kube) => {
      await kube.replace({ ...root(), metadata: { ...(await only(kube)).metadata, finalizers: ["f"] } });
      kube.intercept = (verb, name) => {
        if (verb === "apply" && name === "s") throw failure("KUBE_FORBIDDEN");
      };
    },
    plan: (observed) =>
      observed
        ? {
          apply: [secret, { ...secret, metadata: { name: "later", namespace: "n" } }],
          remove: [{ apiVersion: "v1", kind: "Service", name: "old", namespace: "n" }],
          status: statusOf(observed),
          finalizers: [{ target: target(observed), finalizer: "f", change: "drop" }],
        }
        : {},
  });
  await until(() => kube.writes.filter((each) => each.startsWith("apply Secret")).length >= 2);
  await stop();
  assert.equal(live()?.metadata.finalizers, ["f"]);
  assert.not.ok(kube.writes.some((each) => each.includes("later") || each.includes("remove")));
});

test("controller: a deleted object is not revived by a late status, nor does a new one get the old one's", async () => {
  const { kube, live, stop, until } = await running({
    // Deleted and made again after the plan was made: the cache still shows the old one.
    plan: (observed, kube) => {
      if (!observed) return {};
      kube.intercept = async (verb) => {
        if (verb !== "apply status") return;
        kube.intercept = () => {};
        await kube.remove({ ...rootKind, name: "main" });
        await kube.create(root());
      };
      return observed.metadata.uid === firstUid ? { status: statusOf(observed) } : {};
    },
    prepare: async (kube) => {
      firstUid = (await only(kube)).metadata.uid;
    },
  });
  await until(() => live() !== undefined && live()?.metadata.uid !== firstUid);
  await stop();
  assert.is(live()?.status, undefined);
  assert.is(kube.writes.filter((each) => each.startsWith("create")).length, 1);
});
let firstUid: string | undefined;

test("controller: a status that has not changed is not written again, and keeps its time", async () => {
  const { kube, passes, live, stop, until } = await running({
    prepare: (kube) => {
      // As a server does: whoever applies a status owns its fields.
      const apply = kube.apply.bind(kube);
      kube.apply = (object, o) => {
        const fieldsV1 = { "f:status": { "f:conditions": { 'k:{"type":"Ready"}': {} } } };
        const managedFields = [{ manager: o.fieldManager, operation: "Apply", subresource: "status", fieldsV1 }];
        return apply({ ...object, metadata: { ...object.metadata, managedFields } }, o);
      };
    },
    plan: (observed) => observed ? { status: statusOf(observed) } : {},
  });
  await until(() => reasonOf(live()) === "Fine");
  const before = live();
  await kube.replace({ ...(before as KubeObject), spec: {} });
  const seen = passes.length;
  await until(() => passes.length > seen + 1 || passes.some((each) => each?.spec !== undefined));
  await stop();
  assert.is(kube.writes.filter((each) => each.startsWith("apply status")).length, 1);
  assert.equal(live()?.status, before?.status);
});

test("controller: finalizers are dropped by index although others hold some too", async () => {
  const { live, stop, until } = await running({
    prepare: async (kube) => {
      await kube.replace({
        ...root(),
        metadata: { ...(await only(kube)).metadata, finalizers: ["theirs", "f", "more"] },
      });
    },
    plan: (observed) => observed ? { finalizers: [{ target: target(observed), finalizer: "f", change: "drop" }] } : {},
  });
  await until(() => live()?.metadata.finalizers?.length === 2);
  await stop();
  assert.equal(live()?.metadata.finalizers, ["theirs", "more"]);
});

test("controller: no finalizer is added to what is being deleted, and nothing is built on it", async () => {
  const { kube, passes, stop, until } = await running({
    prepare: async (kube) => {
      const deletionTimestamp = "2026-01-01T00:00:00Z";
      await kube.replace({ ...root(), metadata: { ...(await only(kube)).metadata, deletionTimestamp } });
    },
    plan: (observed) =>
      observed ? { finalizers: [{ target: target(observed), finalizer: "f", change: "add" }], apply: [secret] } : {},
  });
  await until(() => passes.length >= 3);
  await stop();
  assert.equal(kube.writes, []);
});

test("controller: looks again after the time the plan names", async () => {
  const { passes, stop, until } = await running({ plan: () => ({ lookAgainAfterMs: 3 }) });
  await until(() => passes.length >= 3);
  await stop();
});

test("controller: an unchanged child that its cache shows is not applied again", async () => {
  const kube = new MemoryKube(), stop = new AbortController();
  await kube.create(root());
  const roots = new WatchCache(kube, rootKind, { log: silentLog });
  const secrets = new WatchCache(kube, { apiVersion: "v1", kind: "Secret" }, { log: silentLog });
  let passes = 0;
  const done = runController<Root>({
    name: "test",
    sources: [{ cache: roots, keysFor: () => ["main"] }, { cache: secrets, keysFor: () => ["main"] }],
    observe: () => roots.get("main"),
    plan: () => {
      passes++;
      return { ...nothingToDo, apply: [secret], lookAgainAfterMs: passes < 20 ? 2 : undefined };
    },
  }, { kube, log: silentLog, metrics: createMetrics(), signal: stop.signal });
  while (passes < 20) await new Promise((resolve) => setTimeout(resolve, 2));
  const applies = kube.writes.filter((each) => each.startsWith("apply")).length;
  assert.ok(applies <= 2, `${applies} applies`);
  await kube.replace({ ...secret, drifted: true });
  while (kube.writes.filter((each) => each.startsWith("apply")).length === applies) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  stop.abort();
  await done;
});

test("controller: passes and writes are counted", async () => {
  const { metrics, stop, until, live } = await running({ plan: (each) => each ? { status: statusOf(each) } : {} });
  await until(() => reasonOf(live()) === "Fine");
  await stop();
  const { body } = await metrics.text();
  assert.match(body, /kubewarden_reconciles_total\{controller="test",result="ok"\} [1-9]/);
  assert.match(body, /kubewarden_api_writes_total\{controller="test",verb="status"\} [1-9]/);
});

async function only(kube: MemoryKube): Promise<KubeObject> {
  return (await kube.list(rootKind)).items[0] as KubeObject;
}

test("controller: a key that is always there is looked at though no object stands for it", async () => {
  const { passes, until, stop } = await running({
    always: ["nobody"],
    prepare: (kube) => kube.remove({ ...rootKind, name: "main" }),
    plan: () => ({}),
  });
  await until(() => passes.length > 0);
  await stop();
  assert.equal(passes, [undefined]);
});

test("controller: a pass can wait for others, until they have written or failed", async () => {
  const kube = new MemoryKube(), stop = new AbortController();
  for (const name of ["slow", "failing", "waiting"]) await kube.create({ ...rootKind, metadata: { name } });
  const began = Promise.withResolvers<void>(), write = Promise.withResolvers<void>();
  const order: string[] = [];
  let toBegin = 2;
  kube.intercept = async (verb, name) => {
    if (verb !== "apply" || name === "waiting") return;
    if (--toBegin === 0) began.resolve();
    await write.promise;
    order.push(name);
    if (name === "failing") throw failure("KUBE_FORBIDDEN");
  };
  const cache = new WatchCache(kube, rootKind, { log: silentLog, minBackoffMs: 1 });
  const done = runController<string>({
    name: "test",
    sources: [{ cache, keysFor: (object) => [object.metadata.name] }],
    observe: async (key, _signal, passesEnded) => {
      if (key !== "waiting") return key;
      await began.promise;
      const ended = passesEnded((other) => other !== "waiting");
      write.resolve();
      await ended;
      order.push(key);
      stop.abort();
      return key;
    },
    plan: (key) => ({ ...nothingToDo, apply: [{ ...secret, metadata: { name: key, namespace: "n" } }] }),
  }, { kube, log: silentLog, metrics: createMetrics(), signal: stop.signal, workers: 3 });
  await done;
  assert.equal([...new Set(order)].sort(), ["failing", "slow", "waiting"]);
  assert.is(order.at(-1), "waiting");
});

test.run();
