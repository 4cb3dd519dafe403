// Against a real API over the wire: a server that lags, ends watches and answers 410.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJson } from "../../../../contracts/json.ts";
import type { KubeObject } from "../../../../contracts/kubernetes.ts";
import { type ApiServer, startApiServer } from "../../../../local-cluster/api/server.ts";
import { connectKube, type Kube } from "../../../../runtime/kube/kube.ts";
import { silentLog } from "../../../../runtime/telemetry/log.ts";
import { ManualClock } from "../../../../runtime/testing/manual-clock.ts";
import { Collections, type CollectionsLimits } from "./collections.ts";
import { ContextMemory } from "./context-memory.ts";
import { KubernetesHost, type KubernetesQuestion } from "./kubernetes.ts";

const never = new AbortController().signal;
const limits: CollectionsLimits = {
  startMs: 30_000,
  staleMs: 1_000,
  silentMs: 60_000,
  maxCollections: 10,
  idleMs: 600_000,
  failureMs: 1,
};
const running: Collections[] = [];
let api: ApiServer, kube: Kube, folder: string;

test.before(async () => {
  api = await startApiServer({ seed: 3, disturbances: true });
  folder = await mkdtemp(join(tmpdir(), "kubernetes-host-"));
  await writeFile(join(folder, "admin"), api.kubeconfig());
  kube = await connectKube({ kubeconfig: join(folder, "admin") });
  for (const name of ["one", "two"]) await kube.create(object("Namespace", name));
  for (const name of ["a", "b"]) await kube.create(configMap(name, { tier: name }));
  await kube.create({ ...configMap("c"), metadata: { ...configMap("c").metadata, namespace: "two" } });
});
test.after(async () => {
  running.forEach((each) => each.close());
  await api.stop();
  await rm(folder, { recursive: true });
});

function object(kind: string, name: string, apiVersion = "v1"): KubeObject {
  return { apiVersion, kind, metadata: { name } };
}

function configMap(name: string, labels: Record<string, string> = {}): KubeObject {
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}", kept: "yes" };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "one", labels, annotations },
    data: { key: name, other: "x" },
  };
}

function host(
  client: Kube = kube,
  more: { limits?: Partial<CollectionsLimits>; clock?: ManualClock; maxBytes?: number; memory?: number } = {},
) {
  const { clock, maxBytes = 1_000_000 } = more;
  const memory = new ContextMemory(more.memory ?? 10_000_000);
  const collections = new Collections(client, { limits: { ...limits, ...more.limits }, memory, log: silentLog });
  running.push(collections);
  const now = clock === undefined ? {} : { now: () => clock.now() };
  const cluster = new KubernetesHost(client, { collections, maxBytes, ...now });
  const ask = async (question: KubernetesQuestion, signal = never) =>
    parseJson(new TextDecoder().decode(await cluster.answer(question, signal))) as Record<string, unknown>;
  const failure = (question: KubernetesQuestion, signal = never) =>
    ask(question, signal).then((answer) => JSON.stringify(answer), (error: Error) => error.message);
  const names = async (question: KubernetesQuestion) =>
    ((await ask(question)).items as KubeObject[]).map(({ metadata }) => metadata.name).sort();
  return { ask, failure, names, collections, cluster };
}

const selection = { label_selector: null, field_selector: null, field_masks: null };
const listAll = (kind: string, api_version = "v1") => ({
  type: "KubernetesListResourceAll" as const,
  api_version,
  kind,
  ...selection,
});
const listIn = (namespace: string, kind = "ConfigMap", api_version = "v1") => ({
  type: "KubernetesListResourceNamespace" as const,
  api_version,
  kind,
  namespace,
  ...selection,
});
const get = (kind: string, name: string, namespace: string | null = null) => ({
  type: "KubernetesGetResource" as const,
  api_version: "v1",
  kind,
  name,
  namespace,
  disable_cache: false,
  field_masks: null,
});

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("kubernetes: lists a namespace in the shape of Kubernetes, objects without what only servers need", async () => {
  const { items, ...list } = await host().ask(listIn("two"));
  assert.equal(list, { apiVersion: "v1", kind: "ConfigMapList", metadata: {} });
  const [{ metadata, ...rest }] = items as [KubeObject];
  assert.equal(rest, { apiVersion: "v1", kind: "ConfigMap", data: { key: "c", other: "x" } });
  assert.equal([metadata.name, metadata.namespace, metadata.annotations, metadata.managedFields], [
    "c",
    "two",
    { kept: "yes" },
    [],
  ]);
  assert.ok(metadata.uid);
});

test("kubernetes: lists all namespaces, by label and field, with masks, nothing as an empty list", async () => {
  const { names, ask } = host();
  assert.equal(await names({ ...listAll("ConfigMap"), field_selector: "metadata.namespace=one" }), ["a", "b"]);
  assert.equal(await names({ ...listAll("ConfigMap"), label_selector: "tier=b" }), ["b"]);
  assert.equal(await names({ ...listIn("one"), label_selector: "" }), ["a", "b"]);
  const { items } = await ask({ ...listIn("two"), field_masks: ["data.key"] });
  assert.equal((items as KubeObject[])[0]?.data, { key: "c" });
  assert.equal((await ask(listIn("empty"))).items, []);
  assert.ok((await names(listAll("Namespace"))).includes("one"));
});

test("kubernetes: what cannot be found is said as upstream says it", async () => {
  const { failure } = host();
  assert.is(await failure(listAll("Cake")), "Cannot find resource v1/Cake");
  assert.is(await failure(listAll("Cake", "bakery.example/v1")), "Cannot find resource bakery.example/v1/Cake");
  for (const apiVersion of ["", "a/b/c", "../v1", "v1?x"]) {
    assert.is(await failure(listAll("Pod", apiVersion)), `cannot determine group and version for ${apiVersion}`);
  }
  assert.is(
    await failure(listIn("one", "Namespace")),
    "resource v1/Namespace is cluster wide. Cannot search for it inside of a namespace",
  );
  assert.is(await failure(listIn("")), "the namespace must not be empty");
  assert.is(
    await failure(get("ConfigMap", "a")),
    "Resource v1/ConfigMap is namespaced, but no namespace was provided",
  );
  assert.is(
    await failure(get("ConfigMap", "gone", "one")),
    `Cannot find v1/ConfigMap named 'gone' inside of namespace 'Some("one")'`,
  );
  assert.is(
    await failure(get("Namespace", "gone")),
    "Cannot find v1/Namespace named 'gone' inside of namespace 'None'",
  );
  assert.is(await failure(get("Namespace", "")), "Cannot find v1/Namespace named '' inside of namespace 'None'");
});

test("kubernetes: changes in the cluster are seen, in every list that they concern", async () => {
  const { names } = host();
  const byLabel = { ...listIn("one"), label_selector: "tier" };
  assert.equal([await names(listIn("one")), await names(byLabel)], [["a", "b"], ["a", "b"]]);
  await kube.create(configMap("late", { tier: "late" }));
  await until("the new one", async () => (await names(listIn("one"))).includes("late"));
  await until("the new one, by label", async () => (await names(byLabel)).includes("late"));
  await kube.patch({ ...object("ConfigMap", "late"), name: "late", namespace: "one" }, { metadata: { labels: null } }, {
    type: "merge",
  });
  await until("that it lost its label", async () => !(await names(byLabel)).includes("late"));
  assert.ok((await names(listIn("one"))).includes("late"));
  await kube.remove({ apiVersion: "v1", kind: "ConfigMap", name: "late", namespace: "one" });
  await until("that it is gone", async () => !(await names(listIn("one"))).includes("late"));
});

test("kubernetes: many who ask at first share one list and one watch, and no later question asks the server", async () => {
  let lists = 0;
  const counting: Kube = { ...kube, pages: (...query) => (lists++, kube.pages(...query)) };
  const { names, collections } = host(counting);
  const all = await Promise.all(Array.from({ length: 50 }, () => names(listIn("one"))));
  assert.equal(new Set(all.map(String)), new Set(["a,b"]));
  await names({ ...listIn("one"), field_masks: [] });
  assert.is(lists, 1);
  assert.equal(collections.states().map(({ kind, objects }) => [kind, objects]), [["ConfigMap", 2]]);
});

test("kubernetes: gets an object whole and keeps it for five seconds, unless that is not wanted", async () => {
  const clock = new ManualClock();
  const { ask } = host(kube, { clock });
  const question = get("ConfigMap", "changing", "one");
  await kube.create(configMap("changing"));
  const first = await ask(question) as KubeObject;
  assert.equal(first.data, { key: "changing", other: "x" });
  assert.ok(first.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"]);
  await kube.patch({ ...question, apiVersion: "v1", namespace: "one" }, { data: { key: "changed" } }, {
    type: "merge",
  });
  const key = async (more: Partial<typeof question> = {}) =>
    ((await ask({ ...question, ...more })).data as { key?: string }).key;
  assert.equal([await key(), await key({ disable_cache: true })], ["changing", "changed"]);
  assert.equal((await ask({ ...question, field_masks: ["data.other"] } as never)).data, { other: "x" });
  clock.advance(5_000);
  assert.is(await key(), "changed");
  await kube.remove({ apiVersion: "v1", kind: "ConfigMap", name: "changing", namespace: "one" });
});

test("kubernetes: the namespace of a question for a cluster-wide object means nothing", async () => {
  assert.is(((await host().ask(get("Namespace", "one", "two"))) as KubeObject).metadata.name, "one");
});

test("kubernetes: says whether a user may do something, which is kept for five seconds", async () => {
  const clock = new ManualClock();
  const { ask } = host(kube, { clock });
  const review = (user: string, disable_cache = false): KubernetesQuestion => ({
    type: "KubernetesCanI",
    request: {
      user,
      groups: user === "root" ? ["system:masters"] : null,
      resource_attributes: {
        namespace: "one",
        verb: "create",
        group: null,
        version: null,
        resource: "pods",
        subresource: null,
        name: null,
      },
    },
    disable_cache,
  });
  assert.is((await ask(review("root"))).allowed, true);
  assert.is((await ask(review("alice"))).allowed, false);
  await kube.create({
    ...object("ClusterRoleBinding", "alice", "rbac.authorization.k8s.io/v1"),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "alice" }],
  });
  assert.is((await ask(review("alice"))).allowed, false);
  assert.is((await ask(review("alice", true))).allowed, true);
  clock.advance(5_000);
  assert.is((await ask(review("alice"))).allowed, true);
});

test("kubernetes: a list that is forbidden is an answer at once, and is tried again once it may be allowed", async () => {
  const account = await kube.create({
    ...object("ServiceAccount", "guest"),
    metadata: { name: "guest", namespace: "one" },
  });
  await writeFile(join(folder, "token"), api.tokens.issue({ account, expirationSeconds: 3600 }, new Date()).token);
  await writeFile(join(folder, "guest"), api.kubeconfig({ tokenFile: join(folder, "token") }));
  const { failure, names } = host(await connectKube({ kubeconfig: join(folder, "guest") }));
  assert.match(
    await failure(listIn("one")),
    /configmaps is forbidden: User "system:serviceaccount:one:guest" cannot list/,
  );
  await kube.create({
    ...object("ClusterRoleBinding", "guest", "rbac.authorization.k8s.io/v1"),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name: "guest", namespace: "one" }],
  });
  await until("that it may list", async () => !(await failure(listIn("one"))).includes("forbidden"));
  assert.equal(await names(listIn("two")), ["c"]);
});

test("kubernetes: while the server is away what is known is answered for a while, then an error, then again", async () => {
  const { failure, names, collections } = host();
  assert.equal(await names(listIn("one")), ["a", "b"]);
  await api.setAvailable(false);
  await until("that it is noticed", () => collections.states().some(({ ageMs }) => ageMs > 0));
  assert.match(await failure(listIn("one")), /"items":|have not been heard/);
  let answer = "";
  await until("that it is too old", async () => {
    answer = await failure(listIn("one"));
    return !answer.startsWith("{");
  });
  assert.match(answer, /^Cannot list v1\/ConfigMap: its changes have not been heard for \d+ s/);
  assert.match(await failure(listIn("two")), /Cannot reach/);
  await api.setAvailable(true);
  await until("that it is back", async () => (await failure(listIn("one"))).startsWith("{"));
  await kube.create(configMap("after"));
  await until("what came meanwhile", async () => (await failure(listIn("one"))).includes('"name":"after"'));
  await kube.remove({ apiVersion: "v1", kind: "ConfigMap", name: "after", namespace: "one" });
});

test("kubernetes: whoever builds on a list learns whether it has changed since", async () => {
  const { cluster } = host();
  const kind = { apiVersion: "v1", kind: "Namespace" };
  assert.equal(await cluster.resource(kind, never), { plural: "namespaces", namespaced: false });
  const first = await cluster.snapshot(kind, never);
  assert.equal([first.plural, first.namespaced], ["namespaces", false]);
  const { changes: before } = first.collection;
  assert.ok(first.collection.placed().some(({ name, namespace }) => name === "one" && namespace === ""));
  await kube.create(object("Namespace", "three"));
  await until("a change", async () => {
    const { collection } = await cluster.snapshot(kind, never);
    return collection !== first.collection || collection.changes !== before;
  });
});

test("kubernetes: a list larger than an answer may be says so", async () => {
  assert.match(
    await host(kube, { maxBytes: 100 }).failure(listIn("one")),
    /^Cannot list v1\/ConfigMap: \d+ bytes are more than 100, ask for less by selectors or field masks$/,
  );
});

test("kubernetes: of too many different lists the one used longest ago is dropped, and comes back when asked for", async () => {
  const { names, collections } = host(kube, { limits: { maxCollections: 2 } });
  await names(listIn("one"));
  await names(listIn("two"));
  const first = collections.for({ apiVersion: "v1", kind: "ConfigMap", namespace: "one", fieldMasks: null });
  await names(listAll("Namespace"));
  assert.equal(collections.states().map(({ kind }) => kind).sort(), ["ConfigMap", "Namespace"]);
  assert.is(collections.for({ apiVersion: "v1", kind: "ConfigMap", namespace: "one", fieldMasks: null }), first);
  assert.equal(await names(listIn("two")), ["c"]);
});

test("kubernetes: of too many bytes the others go, and one that is too large alone is an error", async () => {
  const { names, failure, collections } = host(kube, { memory: 2_000 });
  await names(listIn("one"));
  await names(listIn("two"));
  const total = collections.states().reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(total > 0 && total <= 2_000, String(total));
  const tight = host(kube, { memory: 100 });
  assert.match(await tight.failure(listIn("one")), /objects take more than 100 bytes/);
  assert.equal(tight.collections.states().map(({ objects, bytes }) => [objects, bytes]), [[0, 0]]);
  assert.match(await failure(listIn("empty")), /"items":\[\]/);
});

test("kubernetes: a list that nobody asks for any more is not followed any more", async () => {
  let watches = 0;
  const counting: Kube = {
    ...kube,
    async *watch(...query) {
      watches++;
      try {
        yield* kube.watch(...query);
      } finally {
        watches--;
      }
    },
  };
  const { names, collections } = host(counting, { limits: { idleMs: 300 } });
  await names(listIn("one"));
  await until("that it is followed", () => watches > 0);
  await until("that it is dropped", () => collections.states().length === 0);
  await until("that the watch ends", () => watches === 0);
});

test("kubernetes: who does not wait any more is let go, and a first list that takes too long ends", async () => {
  const stuck: Kube = {
    ...kube,
    // deno-lint-ignore require-yield
    async *pages(_query, { signal } = {}) {
      await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    },
  };
  const { failure, collections } = host(stuck, { limits: { startMs: 200, failureMs: 60_000 } });
  const gone = new AbortController();
  const waiting = failure(listIn("one"), gone.signal);
  await until("that it lists", () => collections.states().length === 1);
  gone.abort(new Error("deadline"));
  assert.is(await waiting, "deadline");
  assert.is(await failure(listIn("one")), "Cannot list ConfigMap: not complete within 200 ms");
});

test.run();
