// Against a real API over the wire.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../../../contracts/kubernetes.ts";
import { type ApiServer, startApiServer } from "../../../../local-cluster/api/server.ts";
import { connectKube, type Kube } from "../../../../runtime/kube/kube.ts";
import { silentLog } from "../../../../runtime/telemetry/log.ts";
import { Collections, type CollectionsLimits } from "./collections.ts";
import { ContextMemory } from "./context-memory.ts";
import { Inventories, type Viewer } from "./inventories.ts";
import { KubernetesHost } from "./kubernetes.ts";

const never = new AbortController().signal;
const limits: CollectionsLimits = {
  ...{ startMs: 30_000, staleMs: 60_000, silentMs: 60_000, maxCollections: 10 },
  ...{ idleMs: 600_000, failureMs: 1 },
};
const service = { apiVersion: "v1", kind: "Service" }, namespace = { apiVersion: "v1", kind: "Namespace" };
const configMap = { apiVersion: "v1", kind: "ConfigMap" };
const viewer: Viewer = {
  policy: "p",
  mode: "opa",
  contextAwareResources: [service, namespace],
  namespace: undefined,
  timeoutMs: 30_000,
};
const running: Collections[] = [];
let api: ApiServer, kube: Kube, folder: string;

test.before(async () => {
  api = await startApiServer({ seed: 5 });
  folder = await mkdtemp(join(tmpdir(), "inventories-"));
  await writeFile(join(folder, "kubeconfig"), api.kubeconfig());
  kube = await connectKube({ kubeconfig: join(folder, "kubeconfig") });
  for (const name of ["blue", "green"]) await kube.create(object("Namespace", name));
  for (const name of ["blue", "green"]) await kube.create(object("Service", "web", name));
});
test.after(async () => {
  running.forEach((each) => each.close());
  await api.stop();
  await rm(folder, { recursive: true });
});

function object(kind: string, name: string, namespace?: string): KubeObject {
  const spec = kind === "Service" ? { spec: { ports: [{ port: 80 }] } } : {};
  return { apiVersion: "v1", kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, ...spec };
}

function inventories({ confineNamespacedPolicies = false, maxBytes = 10_000_000 } = {}) {
  const memory = new ContextMemory(maxBytes);
  const collections = new Collections(kube, { limits, memory, log: silentLog });
  running.push(collections);
  const host = new KubernetesHost(kube, { collections, maxBytes: 1_000_000 });
  const refusals: string[] = [];
  const made = new Inventories({
    snapshot: (kind, signal) => host.snapshot(kind, signal),
    memory,
    confineNamespacedPolicies,
    refused: (...refusal) => refusals.push(refusal.join(" ")),
    log: silentLog,
  });
  const see = (more: Partial<Viewer> = {}) => made.bytes({ ...viewer, ...more }, never);
  return { see, made, collections, host, memory, refusals };
}

type Seen = Record<string, Record<string, object>>;
const read = (bytes: Uint8Array | undefined) => JSON.parse(new TextDecoder().decode(bytes)) as Seen;
const message = (work: Promise<unknown>) => work.then(() => "nothing failed", (error: Error) => error.message);

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("AT-081: kinds are listed whole, without selectors or masks, under their plural names", async () => {
  const { see, collections, host } = inventories();
  const seen = read(await see());
  assert.equal(Object.keys(seen).sort(), ["namespaces", "services"]);
  assert.equal(Object.keys(seen.services ?? {}).sort(), ["blue", "green"]);
  const { collection } = await host.snapshot(service, never);
  assert.equal(collection.query, { ...service, fieldMasks: null });
  assert.is(collections.for(collection.query), collection);
  const listed = JSON.parse(new TextDecoder().decode(await collection.answer({ maxBytes: 1_000_000, signal: never })));
  const [web] = (listed.items as KubeObject[]).filter(({ metadata }) => metadata.namespace === "blue");
  assert.equal((seen.services?.blue as Record<string, unknown>).web, web);
});

test("AT-082: a change of any kind that is seen makes it new, and nothing else does", async () => {
  const { see, host } = inventories();
  const first = await see();
  await see({ contextAwareResources: [configMap] });
  await kube.create(object("ConfigMap", "beside", "blue"));
  await until("the other kind's change", async () => (await host.snapshot(configMap, never)).collection.count > 0);
  assert.is(await see(), first);
  await kube.create(object("Service", "late", "green"));
  await until("the new service", async () => "late" in (read(await see()).services?.green ?? {}));
  await kube.create(object("Namespace", "late"));
  await until("the new namespace", async () => "late" in (read(await see()).namespaces ?? {}));
  await kube.remove({ ...service, name: "late", namespace: "green" });
  await until("that it is gone", async () => !("late" in (read(await see()).services?.green ?? {})));
});

test("AT-084: is built once for all who see the same, and anew after a change", async () => {
  const { see } = inventories();
  const [first, second] = await Promise.all([see(), see({ policy: "another" })]);
  assert.is(second, first);
  assert.is(await see({ contextAwareResources: [namespace, service, namespace] }), first);
  const gatekeeper = await see({ mode: "gatekeeper" });
  assert.equal(Object.keys(read(gatekeeper)), ["cluster", "namespace"]);
  assert.is(await see({ mode: "gatekeeper" }), gatekeeper);
  assert.is(await see(), first);
  await kube.create(object("Namespace", "later"));
  await until("the new one", async () => await see() !== first);
  assert.ok("later" in (read(await see()).namespaces ?? {}));
  await until("the new one", async () => await see({ mode: "gatekeeper" }) !== gatekeeper);
});

test("inventories: what cannot be listed is an error, and is tried again", async () => {
  const { see } = inventories();
  const cake = { apiVersion: "v1", kind: "Cake" };
  assert.is(await message(see({ contextAwareResources: [service, cake] })), "Cannot find resource v1/Cake");
  assert.ok("services" in read(await see()));
});

test("inventories: after the copies have ended nothing old is told", async () => {
  const { see, collections } = inventories();
  const first = await see();
  collections.close();
  const second = await see();
  assert.is.not(second, first);
  assert.equal(Object.keys(read(second).services ?? {}).sort(), ["blue", "green"]);
});

test("inventories: they count as what is kept of the cluster, and go before any copy of it does", async () => {
  const kinds = { contextAwareResources: [service, namespace] };
  const { see, collections, memory } = inventories();
  const copies = () => collections.states().reduce((sum, { bytes }) => sum + bytes, 0);
  const opa = await see(kinds), gatekeeper = await see({ ...kinds, mode: "gatekeeper" });
  assert.is(memory.bytes, copies() + opa.length + gatekeeper.length);
  // Room for one of the two.
  const tight = inventories({ maxBytes: copies() + Math.max(opa.length, gatekeeper.length) });
  const first = await tight.see(kinds);
  assert.is(await tight.see(kinds), first);
  await tight.see({ ...kinds, mode: "gatekeeper" });
  assert.is.not(await tight.see(kinds), first);
  assert.is(tight.collections.states().length, 2);
  // Room for the copies only: what is seen is made each time.
  const none = inventories({ maxBytes: copies() + 1 });
  assert.equal(read(await none.see(kinds)), read(opa));
  assert.is.not(await none.see(kinds), await none.see(kinds));
  assert.is(none.memory.bytes, copies());
  collections.close();
  assert.is(memory.bytes, 0);
});

test("inventories: who asks no more is not kept waiting, and no evaluation waits longer than it may take", async () => {
  const { made } = inventories();
  const gone = new AbortController();
  gone.abort(new Error("the client left"));
  assert.is(await message(made.bytes(viewer, gone.signal)), "the client left");
  const silent = new Inventories({
    snapshot: (_kind, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    memory: new ContextMemory(1_000),
    confineNamespacedPolicies: false,
    refused: () => {},
    log: silentLog,
  });
  const contextData = silent.contextDataFor({ ...viewer, timeoutMs: 30 });
  assert.is(
    await message(Promise.resolve(contextData?.(never))),
    "the policy's view of the cluster took more than 30 ms",
  );
});

test("inventories: only Rego policies with named kinds see anything without asking", async () => {
  const { made } = inventories();
  assert.is(made.contextDataFor({ ...viewer, mode: "kubewarden-wapc" }), undefined);
  assert.is(made.contextDataFor({ ...viewer, mode: "wasi" }), undefined);
  assert.is(made.contextDataFor({ ...viewer, contextAwareResources: [] }), undefined);
  const unlimited = made.contextDataFor({ ...viewer, mode: "gatekeeper", timeoutMs: undefined });
  const seen = await unlimited?.(never);
  assert.ok("cluster" in read(seen?.json) && (seen?.tookMs ?? -1) >= 0);
});

test("inventories: a policy that is confined to its namespace sees that and what is in it", async () => {
  const { see, refusals } = inventories({ confineNamespacedPolicies: true });
  const seen = read(await see({ namespace: "blue" }));
  assert.equal(Object.keys(seen.namespaces ?? {}), ["blue"]);
  assert.equal(Object.keys(seen.services ?? {}), ["blue"]);
  assert.equal(Object.keys(read(await see({ namespace: "green" })).services ?? {}), ["green"]);
  assert.ok(Object.keys(read(await see()).services ?? {}).length > 1);
  const refused = /^Policy has not been granted access to anything outside of its own namespace/;
  assert.match(await message(see({ namespace: "" })), refused);
  const roles = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole" };
  refusals.length = 0;
  assert.match(await message(see({ namespace: "blue", contextAwareResources: [roles] })), refused);
  assert.equal(refusals, ["p kubernetes/list_resources_all"]);
});

test.run();
