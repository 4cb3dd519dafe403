import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { connectKube } from "../../runtime/kube/kube.ts";
import { type LocalCluster, startLocalCluster } from "../cluster.ts";
import { eventually } from "../testing/observe.ts";
import { type RawClient, rawClient } from "./client.ts";
import type { Rule } from "./rule.ts";

const file = fileURLToPath(new URL("../testing/image.ts", import.meta.url));
let started: Promise<LocalCluster> | undefined;

/** One cluster with all disturbances for the rules below, started by the first of them. */
function cluster(): Promise<LocalCluster> {
  return started ??= startLocalCluster({ seed: 5, images: { "test-image": { file } } });
}

export async function stopWorkloadCluster(): Promise<void> {
  await (await started)?.stop();
}

type World = RawClient & { cluster: LocalCluster; namespace: string; path: string };
let count = 0;

function rule(rule: string, holds: (world: World) => Promise<void>): Rule {
  return {
    rule,
    async holds() {
      const own = await cluster();
      const client = rawClient(own.api);
      const namespace = `workload-${++count}`;
      const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
      await client.request("POST", "/api/v1/namespaces", object);
      await holds({ ...client, cluster: own, namespace, path: `/api/v1/namespaces/${namespace}` });
    },
  };
}

const configMap = (name: string, more: Record<string, unknown> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  ...more,
  metadata: { name, ...(more.metadata as object | undefined) },
});

function podSpec(container: object = {}, spec: object = {}) {
  const main = { name: "main", image: "test-image", ports: [{ name: "http", containerPort: 8080 }], ...container };
  return { terminationGracePeriodSeconds: 4, ...spec, containers: [main] };
}

const pod = (name: string, spec: object) => ({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec });

function deployment(name: string, replicas: number, container: object = {}) {
  const readinessProbe = { httpGet: { path: "/ready", port: "http" } };
  const template = { metadata: { labels: { app: name } }, spec: podSpec({ readinessProbe, ...container }) };
  const spec = { replicas, selector: { matchLabels: { app: name } }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec };
}

/** The first answer of a GET that is as asked. */
function seen<T = KubeObject>({ request }: World, path: string, isRight: (body: T) => unknown): Promise<T> {
  const ask = async () => (await request("GET", path)).body as T;
  return eventually(`GET ${path} where ${isRight}`, async () => {
    const body = await ask();
    return isRight(body) ? body : undefined;
  }, { last: ask });
}

type ContainerStatus = {
  state: { waiting?: { reason: string }; running?: object };
  lastState: { terminated?: { message?: string; exitCode: number } };
};
type PodView = KubeObject & { status: { containerStatuses?: ContainerStatus[]; phase: string; podIP?: string } };
const mainOf = (body: PodView) => body.status?.containerStatuses?.[0];
const isGone = (body: KubeObject) => body.kind === "Status";

/** Deployments, pods, volumes, Services and garbage, in a cluster that is as unpunctual as a real one. */
export const workloadRules: readonly Rule[] = [
  rule("a Deployment's status lags its spec: observedGeneration tells which spec it is about", async (world) => {
    const path = `/apis/apps/v1/namespaces/${world.namespace}/deployments`;
    type View = KubeObject & { status: { observedGeneration?: number; availableReplicas?: number } };
    await world.request("POST", path, deployment("web", 1));
    await seen<View>(world, `${path}/web`, ({ status }) => status.availableReplicas === 1);
    const merge = { contentType: "application/merge-patch+json" };
    const change = { spec: { template: { metadata: { annotations: { v: "2" } } } } };
    const { body: changed } = await world.request("PATCH", `${path}/web`, change, merge);
    assert.is(changed.metadata.generation, 2);
    assert.is(changed.status.observedGeneration, 1);
    assert.is(changed.status.availableReplicas, 1, "the old pods still count");
    await seen<View>(world, `${path}/web`, ({ status }) => status.observedGeneration === 2);
  }),
  rule("two pods may listen on the same port: each has an address of its own", async (world) => {
    for (const name of ["a", "b"]) await world.request("POST", `${world.path}/pods`, pod(name, podSpec()));
    const answers = new Set<string>();
    for (const name of ["a", "b"]) {
      const { status } = await seen<PodView>(world, `${world.path}/pods/${name}`, (it) => mainOf(it)?.state.running);
      const answer = await eventually("an answer", () => fetch(`http://${status.podIP}:8080/`));
      answers.add(
        (JSON.parse(await answer.text()) as { env: Record<string, string> }).env.KUBEWARDEN_BIND_ADDRESS ?? "",
      );
    }
    assert.is(answers.size, 2);
  }),
  rule(
    "a crashed container waits in CrashLoopBackOff; its text is in lastState and in the previous log",
    async (world) => {
      await world.request("POST", `${world.path}/pods`, pod("crash", podSpec({ args: ["--crash", "no such policy"] })));
      const crashed = await seen<PodView>(
        world,
        `${world.path}/pods/crash`,
        (it) => mainOf(it)?.state.waiting?.reason === "CrashLoopBackOff",
      );
      assert.is(mainOf(crashed)?.lastState.terminated?.message, "no such policy");
      assert.is(mainOf(crashed)?.lastState.terminated?.exitCode, 3);
      const log = await world.request("GET", `${world.path}/pods/crash/log?previous=true`);
      assert.is(log.body, "Error: no such policy\n");
    },
  ),
  rule("a foreign image is never run: its pod stays Pending with ErrImagePull", async (world) => {
    await world.request("POST", `${world.path}/pods`, pod("nginx", podSpec({ image: "nginx" })));
    const reasons = ["ErrImagePull", "ImagePullBackOff"];
    const waiting = await seen<PodView>(
      world,
      `${world.path}/pods/nginx`,
      (it) => reasons.includes(mainOf(it)?.state.waiting?.reason ?? ""),
    );
    assert.is(waiting.status.phase, "Pending");
  }),
  rule("a pod that mounts a missing Secret stays in ContainerCreating and an Event says why", async (world) => {
    const spec = podSpec({ volumeMounts: [{ name: "s", mountPath: "/s" }] }, {
      volumes: [{ name: "s", secret: { secretName: "missing" } }],
    });
    await world.request("POST", `${world.path}/pods`, pod("waits", spec));
    type Events = { items: { reason: string; message: string; involvedObject: { name: string } }[] };
    const events = await seen<Events>(
      world,
      `${world.path}/events`,
      ({ items }) => items.some((each) => each.reason === "FailedMount"),
    );
    assert.match(
      events.items.find((each) => each.reason === "FailedMount")?.message ?? "",
      /secret "missing" not found/,
    );
    const { body } = await world.request("GET", `${world.path}/pods/waits`);
    assert.is(mainOf(body)?.state.waiting?.reason, "ContainerCreating");
    await world.request("POST", `${world.path}/secrets`, { ...configMap("missing"), kind: "Secret" });
    await seen<PodView>(world, `${world.path}/pods/waits`, (it) => mainOf(it)?.state.running);
  }),
  rule("a mounted ConfigMap changes, all of its files at once by one symlink", async (world) => {
    await world.request("POST", `${world.path}/configmaps`, configMap("c", { data: { a: "1", b: "1" } }));
    const spec = podSpec({
      env: [{ name: "A", value: "/c/a" }, { name: "B", value: "/c/b" }],
      volumeMounts: [{ name: "c", mountPath: "/c" }],
    }, { volumes: [{ name: "c", configMap: { name: "c" } }] });
    await world.request("POST", `${world.path}/pods`, pod("reader", spec));
    const reader = await seen<PodView>(world, `${world.path}/pods/reader`, (it) => mainOf(it)?.state.running);
    const url = (name: string) => `http://${reader.status.podIP}:8080/file?env=${name}`;
    const text = async (name: string) => await (await fetch(url(name))).text();
    await eventually("the first files", async () => (await text("A")) === "1");
    const folder = join(world.cluster.dir, "pods", `${world.namespace}_reader_${reader.metadata.uid}`, "volumes/c");
    const before = await readlink(join(folder, "..data"));
    await world.request("PUT", `${world.path}/configmaps/c`, configMap("c", { data: { a: "2", b: "2" } }));
    await eventually("the new files", async () => (await text("A")) === "2");
    assert.is(await text("B"), "2");
    assert.is.not(await readlink(join(folder, "..data")), before);
    assert.is((await readdir(folder)).filter((name) => /^\.\.\d/.test(name)).length, 1);
  }),
  rule("a terminating pod gets SIGTERM first and leaves its Service only later, within seconds", async (world) => {
    await world.request("POST", `/apis/apps/v1/namespaces/${world.namespace}/deployments`, {
      ...deployment("web", 4, { args: ["--deaf"] }),
    });
    const service = { selector: { app: "web" }, ports: [{ port: 443, targetPort: "http" }] };
    await world.request("POST", `${world.path}/services`, { ...configMap("web"), kind: "Service", spec: service });
    type Slice = { endpoints: { targetRef: { name: string }; conditions: { ready: boolean; terminating: boolean } }[] };
    const slicePath = `/apis/discovery.k8s.io/v1/namespaces/${world.namespace}/endpointslices/web-local`;
    const slice = await seen<Slice>(world, slicePath, ({ endpoints }) => endpoints?.length === 4);
    const names = slice.endpoints.map((each) => each.targetRef.name);
    let afterSigterm = 0;
    const inSlice = async (name: string) =>
      ((await world.request("GET", slicePath)).body as Slice).endpoints.some((each) => each.targetRef.name === name);
    await Promise.all(names.map(async (name) => {
      await world.request("DELETE", `${world.path}/pods/${name}`);
      await eventually("SIGTERM", async () => {
        const log = await world.request("GET", `${world.path}/pods/${name}/log`);
        return String(log.body).includes("SIGTERM");
      });
      if (await inSlice(name)) afterSigterm++;
      await eventually(`${name} has left`, async () => !await inSlice(name));
    }));
    assert.ok(afterSigterm > 0, "no pod was still in its Service after SIGTERM");
  }),
  rule("a pod speaks as its ServiceAccount, and without a token not at all", async (world) => {
    const spec = { ...podSpec(), serviceAccountName: "default" };
    await world.request("POST", `${world.path}/pods`, pod("speaks", spec));
    await world.request("POST", `${world.path}/pods`, pod("silent", { ...spec, automountServiceAccountToken: false }));
    const environmentOf = async (name: string) => {
      const { status } = await seen<PodView>(world, `${world.path}/pods/${name}`, (it) => mainOf(it)?.state.running);
      const answer = await eventually("an answer", () => fetch(`http://${status.podIP}:8080/`));
      return (JSON.parse(await answer.text()) as { env: Record<string, string> }).env;
    };
    assert.is((await environmentOf("silent")).KUBECONFIG, undefined);
    const kube = await connectKube({ kubeconfig: (await environmentOf("speaks")).KUBECONFIG });
    const refusal = await kube.list({ apiVersion: "v1", kind: "Secret" }, { namespace: world.namespace }).catch((
      error,
    ) => error);
    assert.is(refusal.code, "KUBE_FORBIDDEN");
    assert.match(refusal.message, `system:serviceaccount:${world.namespace}:default`);
  }),
  rule("background deletion: the owner goes at once, what it owned follows", async (world) => {
    const path = `${world.path}/configmaps`;
    const { body: owner } = await world.request("POST", path, configMap("owner"));
    await world.request("POST", path, configMap("owned", { metadata: { ownerReferences: [referenceTo(owner)] } }));
    await world.request("DELETE", `${path}/owner`, { propagationPolicy: "Background" });
    assert.is((await world.request("GET", `${path}/owner`)).status, 404);
    await seen(world, `${path}/owned`, isGone);
  }),
  rule("foreground deletion: the owner waits until what blocks it is gone", async (world) => {
    const path = `${world.path}/configmaps`;
    const { body: owner } = await world.request("POST", path, configMap("owner"));
    const metadata = { ownerReferences: [referenceTo(owner)], finalizers: ["example.com/hold"] };
    await world.request("POST", path, configMap("owned", { metadata }));
    await world.request("DELETE", `${path}/owner`, { propagationPolicy: "Foreground" });
    await seen(world, `${path}/owned`, (it) => it.metadata.deletionTimestamp);
    assert.is((await world.request("GET", `${path}/owner`)).status, 200);
    const merge = { contentType: "application/merge-patch+json" };
    await world.request("PATCH", `${path}/owned`, { metadata: { finalizers: null } }, merge);
    await seen(world, `${path}/owner`, isGone);
  }),
  rule("orphan deletion: what was owned stays and forgets its owner", async (world) => {
    const path = `${world.path}/configmaps`;
    const { body: owner } = await world.request("POST", path, configMap("owner"));
    await world.request("POST", path, configMap("owned", { metadata: { ownerReferences: [referenceTo(owner)] } }));
    await world.request("DELETE", `${path}/owner`, { propagationPolicy: "Orphan" });
    await seen(world, `${path}/owner`, isGone);
    assert.is((await world.request("GET", `${path}/owned`)).body.metadata.ownerReferences?.length ?? 0, 0);
  }),
  rule("what a Namespace owns outside of it stays while the Namespace is emptied, and then goes", async (world) => {
    const { body: owner } = await world.request("GET", world.path);
    const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    const metadata = { name: world.namespace, ownerReferences: [referenceTo(owner)] };
    await world.request("POST", roles, { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata });
    const path = `${world.path}/configmaps`;
    await world.request("POST", path, configMap("held", { metadata: { finalizers: ["example.com/hold"] } }));
    await world.request("DELETE", world.path);
    await seen(world, `${path}/held`, (it) => it.metadata.deletionTimestamp);
    assert.is((await world.request("GET", `${roles}/${world.namespace}`)).status, 200);
    const merge = { contentType: "application/merge-patch+json" };
    await world.request("PATCH", `${path}/held`, { metadata: { finalizers: null } }, merge);
    await seen(world, `${roles}/${world.namespace}`, isGone);
    assert.is((await world.request("GET", world.path)).status, 404);
  }),
  rule("an object whose owner has another uid than it names is garbage", async (world) => {
    const path = `${world.path}/configmaps`;
    const { body: owner } = await world.request("POST", path, configMap("owner"));
    const reference = { ...referenceTo(owner), uid: "00000000-0000-0000-0000-000000000000" };
    await world.request("POST", path, configMap("stray", { metadata: { ownerReferences: [reference] } }));
    await seen(world, `${path}/stray`, isGone);
    assert.is((await world.request("GET", `${path}/owner`)).status, 200);
  }),
  rule("a namespace is Terminating until it is empty, then gone", async (world) => {
    await world.request("POST", `${world.path}/pods`, pod("slow", podSpec({ args: ["--deaf"] })));
    await seen<PodView>(world, `${world.path}/pods/slow`, (it) => mainOf(it)?.state.running);
    await world.request("DELETE", world.path);
    const { body } = await world.request("GET", world.path);
    assert.is(body.status.phase, "Terminating");
    await seen(world, world.path, isGone);
  }),
];

function referenceTo(owner: KubeObject) {
  const { name, uid } = owner.metadata;
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, blockOwnerDeletion: true };
}
