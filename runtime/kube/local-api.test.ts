// The runtime's parts against a real API over the wire: watches that end, answer 410 and lag, server-side apply, CRDs.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import { type ApiServer, startApiServer } from "../../local-cluster/api/server.ts";
import { createCarrier } from "../control/carry-out.ts";
import { runController } from "../control/controller.ts";
import { connectKube, type Kube } from "./kube.ts";
import { whileLeading } from "./lease.ts";
import { silentLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { nothingToDo, type Plan } from "../control/plan.ts";
import { whenAborted } from "../sleep.ts";
import { widget, widgetDefinition } from "../testing/widgets.ts";
import { WatchCache } from "./watch-cache.ts";
import { WorkQueue } from "../control/work-queue.ts";

const configMap = { apiVersion: "v1", kind: "ConfigMap" };
const namespace = "default";
const stop = new AbortController();
let api: ApiServer, kube: Kube, folder: string;

test.before(async () => {
  api = await startApiServer({ seed: 7, disturbances: true });
  folder = await mkdtemp(join(tmpdir(), "runtime-"));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, api.kubeconfig());
  kube = await connectKube({ kubeconfig });
  await kube.create(widgetDefinition);
});
test.after(async () => {
  stop.abort();
  await api.stop();
  await rm(folder, { recursive: true });
});

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const newWidget = (name: string): KubeObject => ({ ...widget, metadata: { name }, spec: { size: 1 } });
const nameAndVersion = ({ metadata: { name, resourceVersion } }: KubeObject) => `${name}@${resourceVersion}`;

/** A CRD is served a moment after it was created. */
async function createWidget(name: string): Promise<KubeObject> {
  for (;;) {
    try {
      return await kube.create(newWidget(name));
    } catch (error) {
      if (!(error instanceof KubewardenError && error.code === "KUBE_NOT_FOUND")) throw error;
    }
  }
}

test("kube: a watch that has not said anything yet ends at once when it is aborted", async () => {
  const quiet = { apiVersion: "policy/v1", kind: "PodDisruptionBudget" };
  const { resourceVersion } = await kube.list(quiet);
  const abort = new AbortController();
  const ended = Array.fromAsync(kube.watch(quiet, { resourceVersion, signal: abort.signal })).catch((error) => error);
  setTimeout(() => abort.abort(new Error("enough")), 100);
  const started = performance.now();
  await ended;
  // A bookmark, the next thing the server would say, comes after five seconds.
  assert.ok(performance.now() - started < 3000);
});

test("cache: arrives at what the server holds, and its changes link up, however watches end", async () => {
  const cache = new WatchCache(kube, { ...configMap, namespace }, {
    log: silentLog,
    minBackoffMs: 5,
    maxBackoffMs: 50,
  });
  const known = new Map<string, KubeObject>();
  const broken: string[] = [];
  cache.onChange(({ before, after }) => {
    const name = (before ?? after)?.metadata.name ?? "";
    if (known.get(name) !== before) broken.push(name);
    if (after) known.set(name, after);
    else known.delete(name);
  });
  const done = new AbortController();
  const running = cache.start(done.signal);
  for (let i = 0; i < 150; i++) {
    const name = `c${i % 7}`;
    if (i % 5 === 4) await kube.remove({ ...configMap, name, namespace });
    else {await kube.apply({ ...configMap, metadata: { name, namespace }, data: { i: String(i) } }, {
        fieldManager: "me",
      });}
  }
  const { items } = await kube.list(configMap, { namespace });
  const expected = items.map(nameAndVersion).sort().join();
  await until("the cache agrees with the server", () => cache.list().map(nameAndVersion).sort().join() === expected);
  done.abort();
  await running;
  assert.equal(broken, []);
  assert.is([...known.values()].map(nameAndVersion).sort().join(), expected);
});

/** A controller that keeps a ConfigMap beside each Widget and says so in its status. */
async function widgetController(o: { refuse?: boolean } = {}) {
  const done = new AbortController();
  const widgets = new WatchCache(kube, widget, { log: silentLog });
  const maps = new WatchCache(kube, { ...configMap, namespace }, { log: silentLog });
  let passes = 0;
  const plan = (observed: KubeObject | undefined): Plan => {
    passes++;
    if (!observed) return nothingToDo;
    const { name, uid = "", deletionTimestamp } = observed.metadata;
    const target = { ...widget, name, uid };
    const child = { ...configMap, metadata: { name: `of-${name}`, namespace } };
    if (deletionTimestamp) {
      return {
        ...nothingToDo,
        remove: [{ ...configMap, ...child.metadata }],
        finalizers: [{ target, finalizer: "example.com/f", change: "drop" }],
      };
    }
    return {
      apply: [{ ...child, data: { size: "1" }, ...(o.refuse ? { unknownField: true } : {}) }],
      remove: [],
      status: [{
        target,
        conditions: [{ type: "Ready", status: "True", reason: "Done", message: "" }],
        fields: { note: "n" },
      }],
      finalizers: [{ target, finalizer: "example.com/f", change: "add" }],
    };
  };
  const running = runController<KubeObject | undefined>({
    name: "widgets",
    sources: [{ cache: widgets, keysFor: ({ metadata: { name } }) => [name] }, {
      cache: maps,
      keysFor: ({ metadata: { name } }) => name.startsWith("of-") ? [name.slice(3)] : [],
    }],
    observe: (key) => widgets.get(key),
    plan,
    onFailure: (observed, failures) =>
      observed
        ? [{
          target: { ...widget, name: observed.metadata.name, uid: observed.metadata.uid ?? "" },
          conditions: [{ type: "Ready", status: "False", reason: "Refused", message: String(failures[0]?.error) }],
        }]
        : [],
  }, {
    kube,
    log: silentLog,
    metrics: createMetrics(),
    signal: done.signal,
    queue: new WorkQueue({ minBackoffMs: 10, maxBackoffMs: 50 }),
  });
  return {
    passes: () => passes,
    async stop() {
      done.abort();
      await running;
    },
  };
}

const readyReason = async (name: string) => {
  const found = await kube.get({ ...widget, name });
  return (found?.status as { conditions?: { reason?: string }[] } | undefined)?.conditions?.[0]?.reason;
};

test("controller: builds, reports, repairs drift, then rests, and cleans up before its finalizer goes", async () => {
  await createWidget("a");
  const controller = await widgetController();
  const child = { ...configMap, name: "of-a", namespace };
  await until("the status says Done", async () => await readyReason("a") === "Done");
  assert.equal((await kube.get(child))?.data, { size: "1" });

  await kube.patch(child, { data: { size: "99" } }, { type: "merge" });
  await until("the drift is repaired", async () => (await kube.get(child))?.data?.["size" as never] === "1");
  await kube.remove(child);
  await until("the child is made again", async () => await kube.get(child) !== undefined);

  const settled = await kube.get({ ...widget, name: "a" });
  const passes = controller.passes();
  await kube.patch({ ...widget, name: "a" }, { metadata: { labels: { touched: "yes" } } }, { type: "merge" });
  await until("the touched object was looked at", () => controller.passes() > passes);
  assert.equal((await kube.get({ ...widget, name: "a" }))?.status, settled?.status);

  await kube.remove({ ...widget, name: "a" });
  await until("the object is gone", async () => await kube.get({ ...widget, name: "a" }) === undefined);
  assert.is(await kube.get(child), undefined);
  await controller.stop();
});

test("controller: at rest it writes nothing, however often it looks", async () => {
  await createWidget("rest");
  const controller = await widgetController();
  await until("the status says Done", async () => await readyReason("rest") === "Done");
  const { passes } = controller;
  // The last answers of caches that lag may still cause a pass; none of them may cause a write that changes something.
  const version = (await kube.get({ ...widget, name: "rest" }))?.metadata.resourceVersion;
  for (let round = 0; round < 3; round++) {
    const before = passes();
    await kube.patch({ ...configMap, name: "of-rest", namespace }, { metadata: { labels: { round: String(round) } } }, {
      type: "merge",
    });
    await until("it looked", () => passes() > before);
  }
  assert.is((await kube.get({ ...widget, name: "rest" }))?.metadata.resourceVersion, version);
  await controller.stop();
});

test("controller: an apply that the server refuses as unknown field becomes a condition", async () => {
  await createWidget("refused");
  const controller = await widgetController({ refuse: true });
  await until("the status says Refused", async () => await readyReason("refused") === "Refused");
  await controller.stop();
});

test("kube: a status applied with the uid of a deleted object revives nothing", async () => {
  const old = await createWidget("gone");
  await kube.remove({ ...widget, name: "gone" });
  const status = { ...widget, metadata: { name: "gone", uid: old.metadata.uid }, status: { note: "late" } };
  const code = await kube.apply(status, { fieldManager: "me", force: true, subresource: "status" })
    .then(() => "written", (error) => error.code);
  assert.is(code, "KUBE_NOT_FOUND");
  await createWidget("gone");
  const again = await kube.apply(status, { fieldManager: "me", force: true, subresource: "status" })
    .then(() => "written", (error) => error.code);
  assert.is(again, "KUBE_CONFLICT");
});

test("carrier: an apply that names a resourceVersion hits that one or nothing, and is not made twice", async () => {
  const seen = await createWidget("contested");
  let cached: KubeObject = seen;
  let writes = 0;
  const carrier = createCarrier({
    kube,
    fieldManager: "me",
    lookup: () => ({ object: cached, complete: true }),
    signal: stop.signal,
    onWrite: () => writes++,
  });
  const apply = () => {
    const { resourceVersion } = cached.metadata;
    const object = { ...newWidget("contested"), metadata: { name: "contested", resourceVersion }, spec: { size: 4 } };
    return carrier.carryOut({ ...nothingToDo, apply: [object] }, new Date()).then(() => "done", (error) => error.code);
  };
  const theirs = await kube.patch(refOf(seen), { spec: { size: 3 } }, { type: "merge" });
  assert.is(await apply(), "KUBE_CONFLICT");
  assert.equal((await kube.get(refOf(seen)))?.spec, { size: 3 });
  cached = theirs;
  assert.is(await apply(), "done");
  cached = (await kube.get(refOf(seen)))!;
  assert.equal(cached.spec, { size: 4 });
  assert.equal([await apply(), writes], ["done", 2]);
});

test("kube: codes of a real server: stale replace, second create, unknown field", async () => {
  const first = await createWidget("codes");
  await kube.replace({ ...first, spec: { size: 2 } });
  const codeOf = (promise: Promise<unknown>) => promise.then(() => "done", (error) => error.code);
  assert.is(await codeOf(kube.replace({ ...first, spec: { size: 3 } })), "KUBE_CONFLICT");
  assert.is(await codeOf(kube.create(newWidget("codes"))), "KUBE_ALREADY_EXISTS");
  assert.is(await codeOf(kube.create({ ...newWidget("other"), spec: { sice: 1 } })), "KUBE_INVALID");
});

test("lease: two contenders over the wire, one after the other", async () => {
  const order: string[] = [];
  const contender = (identity: string) => {
    const done = new AbortController();
    const leads = Promise.withResolvers<void>();
    const options = { kube, name: "wire", namespace, identity, retryPeriodMs: 20, log: silentLog, signal: done.signal };
    const running = whileLeading(options, async (leading) => {
      order.push(identity);
      leads.resolve();
      await whenAborted(leading);
    });
    return { leads: leads.promise, running, stop: () => done.abort() };
  };
  const one = contender("one");
  await one.leads;
  const two = contender("two");
  one.stop();
  await one.running;
  await two.leads;
  two.stop();
  await two.running;
  assert.equal(order, ["one", "two"]);
});

test.run();
