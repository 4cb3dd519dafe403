import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { connectKube } from "../runtime/kube/kube.ts";
import { startLocalCluster } from "./cluster.ts";
import { eventually, objectWhere } from "./testing/observe.ts";
import type { Deployment, ReplicaSet } from "./workloads/objects.ts";
import { isPodReady, type Pod, podCondition } from "./workloads/pod.ts";

const image = fileURLToPath(new URL("testing/image.ts", import.meta.url));
const cluster = await startLocalCluster({ disturbances: false, images: { "test-image": { file: image } } });
const kube = await connectKube({ kubeconfig: cluster.kubeconfigPath });
test.after(() => cluster.stop());

const namespace = "default";
const ref = (kind: string, name: string, apiVersion = "v1") => ({ apiVersion, kind, name, namespace });
const deploymentRef = (name: string) => ref("Deployment", name, "apps/v1");

function pod(name: string, container: object = {}, spec: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 5,
      ...spec,
      containers: [{ name: "main", image: "test-image:1", ...container }],
    },
  };
}

function deployment(name: string, { replicas = 2, container = {} }: { replicas?: number; container?: object } = {}) {
  const readinessProbe = { httpGet: { path: "/ready", port: "http" } };
  const ports = [{ name: "http", containerPort: 8080 }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, annotations: { "example.com/note": "copied" } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 5,
          containers: [{ name: "main", image: "test-image:1", ports, readinessProbe, ...container }],
        },
      },
    },
  };
}

async function podsOf(app: string): Promise<Pod[]> {
  const { items } = await kube.list({ apiVersion: "v1", kind: "Pod" }, { namespace, labelSelector: `app=${app}` });
  return items as Pod[];
}

async function replicaSetsOf(app: string): Promise<ReplicaSet[]> {
  const kind = { apiVersion: "apps/v1", kind: "ReplicaSet" };
  return (await kube.list(kind, { namespace, labelSelector: `app=${app}` })).items as ReplicaSet[];
}

const askPod = async (each: Pod, path = "/") => await (await fetch(`http://${each.status?.podIP}:8080${path}`)).text();
const isComplete = ({ metadata, spec, status }: Deployment) =>
  status?.observedGeneration === metadata.generation && status?.updatedReplicas === spec.replicas &&
  status?.availableReplicas === spec.replicas && status?.replicas === spec.replicas;

test("cluster: a Deployment becomes ReplicaSet and ready pods, each with an address of its own", async () => {
  await kube.create(deployment("web"));
  const done = await objectWhere<Deployment>(kube, deploymentRef("web"), isComplete);
  assert.is(done.metadata.annotations?.["deployment.kubernetes.io/revision"], "1");
  assert.equal(done.status?.conditions?.map((each) => [each.type, each.status]), [
    ["Available", "True"],
    ["Progressing", "True"],
  ]);
  const [replicaSet] = await replicaSetsOf("web");
  assert.is(replicaSet!.metadata.annotations?.["example.com/note"], "copied");
  const pods = await podsOf("web");
  assert.is(new Set(pods.map((each) => each.status?.podIP)).size, 2);
  for (const each of pods) {
    assert.is(each.metadata.labels?.["pod-template-hash"], replicaSet!.metadata.labels?.["pod-template-hash"]);
    const { env } = JSON.parse(await askPod(each));
    assert.is(env.KUBEWARDEN_BIND_ADDRESS, each.status?.podIP);
  }
});

test("cluster: a Service resolves to ready pods in turn", async () => {
  const spec = { selector: { app: "web" }, ports: [{ port: 443, targetPort: "http" }] };
  await kube.create({ apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace }, spec });
  const resolved = await eventually("two endpoints", async () => {
    const endpoints = await kube.get(ref("Endpoints", "web"));
    const [subset] = (endpoints?.subsets ?? []) as { addresses: unknown[]; ports: { port: number }[] }[];
    return subset?.addresses.length === 2 ? subset : undefined;
  });
  assert.is(resolved.ports[0]?.port, 8080);
});

test("cluster: a new template rolls out without the old pods leaving first", async () => {
  const before = await podsOf("web");
  await kube.patch(deploymentRef("web"), {
    spec: { template: { metadata: { annotations: { v: "2" } } } },
  }, { type: "merge" });
  await objectWhere<Deployment>(kube, deploymentRef("web"), isComplete);
  const sets = await replicaSetsOf("web");
  assert.equal(
    sets.map((each) => [each.metadata.annotations?.["deployment.kubernetes.io/revision"], each.spec.replicas])
      .sort(),
    [["1", 0], ["2", 2]],
  );
  await eventually("the old pods are gone", async () => (await podsOf("web")).length === 2);
  const after = await podsOf("web");
  assert.not(after.some((each) => before.some((old) => old.metadata.uid === each.metadata.uid)));
});

test("cluster: a killed process is started again in the same pod, a deleted pod is replaced", async () => {
  const [victim] = await podsOf("web");
  const running = cluster.node.pods().find((each) => each.uid === victim!.metadata.uid);
  process.kill(running!.pids[0]!, "SIGKILL");
  const restarted = await objectWhere<Pod>(
    kube,
    ref("Pod", victim!.metadata.name),
    (it) => it.status?.containerStatuses?.[0]?.restartCount === 1 && isPodReady(it),
  );
  assert.is(restarted.status?.containerStatuses?.[0]?.lastState.terminated?.exitCode, 137);
  await kube.remove(ref("Pod", victim!.metadata.name));
  await eventually("a replacement", async () => {
    const pods = await podsOf("web");
    return pods.length === 2 && pods.every((it) => isPodReady(it) && it.metadata.uid !== victim!.metadata.uid);
  });
});

test("cluster: deleting a Deployment takes its ReplicaSets and pods along", async () => {
  await kube.remove(deploymentRef("web"));
  await eventually(
    "nothing left",
    async () => (await podsOf("web")).length + (await replicaSetsOf("web")).length === 0,
  );
  await eventually("no process left", () => cluster.node.pods().length === 0);
});

test("cluster: a crashing pod backs off, its message and log are kept", async () => {
  await kube.create(pod("crash", { args: ["--crash", "policy x is broken"] }));
  const crashed = await objectWhere<Pod>(
    kube,
    ref("Pod", "crash"),
    (it) => it.status?.containerStatuses?.[0]?.state.waiting?.reason === "CrashLoopBackOff",
  );
  const status = crashed.status?.containerStatuses?.[0];
  assert.is(status?.lastState.terminated?.message, "policy x is broken");
  assert.is(status?.lastState.terminated?.exitCode, 3);
  assert.is(status?.lastState.terminated?.reason, "Error");
  const log = await kube.request("GET", `/api/v1/namespaces/default/pods/crash/log?previous=true`);
  assert.is(log.body, "Error: policy x is broken\n");
  await kube.remove(ref("Pod", "crash"));
  await eventually("it is gone", async () => (await kube.get(ref("Pod", "crash"))) === undefined);
});

test("cluster: a foreign image is never run and says so", async () => {
  await kube.create(pod("nginx", { image: "nginx:1.27" }));
  const waiting = await objectWhere<Pod>(
    kube,
    ref("Pod", "nginx"),
    (it) => it.status?.containerStatuses?.[0]?.state.waiting?.reason === "ErrImagePull",
  );
  assert.is(waiting.status?.phase, "Pending");
  const log = await kube.request("GET", "/api/v1/namespaces/default/pods/nginx/log");
  assert.is(log.status, 400);
  assert.match(
    log.body,
    /container \\"main\\" in pod \\"nginx\\" is waiting to start: (ErrImagePull|ImagePullBackOff)/,
  );
  const other = await kube.request("GET", "/api/v1/namespaces/default/pods/nginx/log?container=other");
  assert.match(other.body, "container other is not valid for pod nginx");
  await kube.remove(ref("Pod", "nginx"));
});

test("cluster: mounted files follow their ConfigMap, environment and paths are the pod's own", async () => {
  const env = [
    { name: "FILE", value: "/config/greeting" },
    { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
  ];
  const volumes = [{ name: "config", configMap: { name: "greetings" } }];
  const volumeMounts = [{ name: "config", mountPath: "/config" }];
  await kube.create(pod("reader", { env, volumeMounts }, { volumes }));
  await eventually("a FailedMount event", async () => {
    const { items } = await kube.list({ apiVersion: "v1", kind: "Event" }, { namespace });
    return items.some((each) =>
      each.reason === "FailedMount" && /configmap "greetings" not found/.test(`${each.message}`)
    );
  });
  const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "greetings", namespace } };
  await kube.create({ ...configMap, data: { greeting: "hello" } });
  const reader = await objectWhere<Pod>(kube, ref("Pod", "reader"), isPodReady);
  const read = () => askPod(reader, "/file?env=FILE");
  await eventually("the first content", async () => (await read()) === "hello");
  await kube.patch(ref("ConfigMap", "greetings"), { data: { greeting: "good evening" } }, { type: "merge" });
  await eventually("the new content", async () => (await read()) === "good evening");
  const { env: seen } = JSON.parse(await askPod(reader));
  assert.is(seen.NODE, reader.spec.nodeName);
  assert.ok(seen.FILE.startsWith(cluster.dir));
  await kube.remove(ref("Pod", "reader"));
});

test("cluster: a pod is ready only while its probe says so", async () => {
  const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "switch", namespace } };
  await kube.create({ ...configMap, data: { ready: "no" } });
  const volumes = [{ name: "switch", configMap: { name: "switch" } }];
  await kube.create(pod("probed", {
    args: ["--ready-file", "/switch/ready"],
    volumeMounts: [{ name: "switch", mountPath: "/switch" }],
    readinessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
  }, { volumes }));
  const isRunning = (it: Pod) => it.status?.containerStatuses?.[0]?.state.running;
  const unready = await objectWhere<Pod>(kube, ref("Pod", "probed"), isRunning);
  assert.is(podCondition(unready, "Ready")?.status, "False");
  const turn = (ready: string) => kube.patch(ref("ConfigMap", "switch"), { data: { ready } }, { type: "merge" });
  await turn("yes");
  await objectWhere<Pod>(kube, ref("Pod", "probed"), isPodReady);
  await turn("no");
  await objectWhere<Pod>(kube, ref("Pod", "probed"), (it) => !isPodReady(it));
  await kube.remove(ref("Pod", "probed"));
});

test("cluster: a container that fails its liveness probe is restarted", async () => {
  const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "sick", namespace } };
  await kube.create({ ...configMap, data: { alive: "no" } });
  await kube.create(pod("sick", {
    args: ["--ready-file", "/sick/alive"],
    volumeMounts: [{ name: "sick", mountPath: "/sick" }],
    livenessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
  }, { volumes: [{ name: "sick", configMap: { name: "sick" } }] }));
  const isRestarted = (it: Pod) => (it.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
  const restarted = await objectWhere<Pod>(kube, ref("Pod", "sick"), isRestarted);
  assert.ok(restarted.status?.containerStatuses?.[0]?.lastState.terminated);
  await kube.remove(ref("Pod", "sick"));
});

test("cluster: without a termination message the end of the log is one, where the pod asks for that", async () => {
  const container = { args: ["--crash", "too late", "--log-only"], terminationMessagePolicy: "FallbackToLogsOnError" };
  await kube.create(pod("talks", container, { restartPolicy: "Never" }));
  const failed = await objectWhere<Pod>(kube, ref("Pod", "talks"), (it) => it.status?.phase === "Failed");
  const status = failed.status?.containerStatuses?.[0];
  assert.is(status?.state.terminated?.message, "Error: too late\n");
  assert.is(status?.restartCount, 0);
  await kube.remove(ref("Pod", "talks"));
});

test("cluster: a log can be followed while the pod runs, and ends with it", async () => {
  await kube.create(pod("chatty"));
  await objectWhere<Pod>(kube, ref("Pod", "chatty"), isPodReady);
  const followed = kube.request("GET", "/api/v1/namespaces/default/pods/chatty/log?follow=true");
  await eventually("it listens", async () => {
    const { body } = await kube.request("GET", "/api/v1/namespaces/default/pods/chatty/log?tailLines=1");
    return body === "listening\n";
  });
  await kube.remove(ref("Pod", "chatty"));
  assert.is((await followed).body, "listening\nSIGTERM\n");
});

test("cluster: a process that ignores SIGTERM is killed when its grace period is over", async () => {
  await kube.create(pod("deaf", { args: ["--deaf"] }, { terminationGracePeriodSeconds: 1 }));
  await objectWhere<Pod>(kube, ref("Pod", "deaf"), isPodReady);
  const log = async () => (await kube.request("GET", "/api/v1/namespaces/default/pods/deaf/log")).body;
  await eventually("it listens", async () => (await log()).includes("listening"));
  await kube.remove(ref("Pod", "deaf"));
  const terminating = await kube.get(ref("Pod", "deaf"));
  assert.ok(terminating?.metadata.deletionTimestamp);
  await eventually("it is gone", async () => (await kube.get(ref("Pod", "deaf"))) === undefined);
});

test("cluster: a namespace goes with everything in it", async () => {
  await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "short" } });
  await eventually(
    "its default ServiceAccount",
    () => kube.get({ apiVersion: "v1", kind: "ServiceAccount", name: "default", namespace: "short" }),
  );
  await kube.create({ ...pod("inside"), metadata: { name: "inside", namespace: "short" } });
  await kube.remove({ apiVersion: "v1", kind: "Namespace", name: "short" });
  await eventually(
    "it is gone",
    async () => (await kube.get({ apiVersion: "v1", kind: "Namespace", name: "short" })) === undefined,
  );
  assert.is((await kube.list({ apiVersion: "v1", kind: "Pod" }, { namespace: "short" })).items.length, 0);
});

test.run();
