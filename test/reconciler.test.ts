/**
 * The reconciler as it is deployed: a pod of the local cluster, with the ServiceAccount and the roles of
 * deploy/kustomize. What certs and webhook-registrar would say is said by hand.
 */
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findCondition } from "../contracts/conditions.ts";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { labels, ownedObjectName } from "../contracts/names.ts";
import type { PolicyStatus } from "../contracts/policy.ts";
import { eventually, objectWhere } from "../local-cluster/testing/observe.ts";
import { is, policyRef } from "./controllers-cluster.ts";
import { existing, policy, say, serverRef, startReconcilerCluster } from "./reconciler-cluster.ts";

const namespace = "kubewarden";
const configMapRef = { apiVersion: "v1", kind: "ConfigMap", name: ownedObjectName("default"), namespace };
const deploymentRef = { ...configMapRef, apiVersion: "apps/v1", kind: "Deployment" };
const serviceRef = { ...configMapRef, kind: "Service" };

const { kube, pods, stop } = await startReconcilerCluster({ withDefaults: true });
test.after(stop);

const get = (ref: ObjectRef) => existing(kube, ref);

test("defaults: the PolicyServer of the ConfigMap comes up as soon as its CRD is served", async () => {
  const server = await objectWhere(kube, serverRef, is("DeploymentReconciled", "False", "WaitingForCertificate"));
  assert.equal(server.metadata.finalizers, ["kubewarden.io/finalizer"]);
  assert.is((server.spec as { image: string }).image, "policy-server-double:1");
  for (const type of ["ConfigMapReconciled", "ServiceReconciled", "PodDisruptionBudgetReconciled"] as const) {
    assert.is(findCondition(server, type)?.status, "True");
    assert.is(findCondition(server, type)?.observedGeneration, server.metadata.generation);
  }
  assert.equal((await get(configMapRef)).data, { "policies.yml": "{}", "sources.yml": "{}" });
  assert.is(await kube.get(deploymentRef), undefined);
});

test("a policy becomes reachable once the certificate is there and a pod serves it", async () => {
  await say(kube, serverRef, { by: "certs", type: "CertSecretReconciled" });
  await kube.create(policy("good"));
  const { status, metadata } = await objectWhere(kube, policyRef("good"), is("PolicyUniquelyReachable", "True"));
  const deployment = await get(deploymentRef);
  const version = deployment.metadata.annotations![labels.configVersion]!;
  const { mode, servedBy } = status as PolicyStatus;
  assert.is(mode, "protect");
  assert.equal(servedBy, { policyServerUid: (await get(serverRef)).metadata.uid, configVersion: version });
  assert.is(findCondition({ status }, "PolicyUniquelyReachable")?.observedGeneration, metadata.generation);
  assert.is(findCondition({ status }, "PolicyServerConfigurationUpToDate")?.status, "True");
  assert.ok(findCondition(await get(serverRef), "DeploymentReconciled")?.status, "True");
  const configMap = await get({ ...configMapRef, name: `${configMapRef.name}-${version}` });
  assert.is(configMap.immutable, true);
  assert.equal(Object.keys(JSON.parse((configMap.data as Record<string, string>)["policies.yml"]!)), [
    "clusterwide-good",
  ]);
});

test("a module that does not load is named on its policy, and the other one stays reachable", async () => {
  await kube.create(policy("bad", { module: "https://x.example/broken.wasm" }));
  const bad = await objectWhere(kube, policyRef("bad"), is("PolicyUniquelyReachable", "False", "ModuleFetchFailed"));
  assert.match(findCondition(bad, "PolicyUniquelyReachable")!.message, /Cannot fetch module .*broken.wasm/);
  assert.is(findCondition(await get(policyRef("good")), "PolicyUniquelyReachable")?.status, "True");
});

test("mending the module rolls out, and old configurations go", async () => {
  await kube.patch(policyRef("bad"), { spec: { module: "https://x.example/mended.wasm" } }, { type: "merge" });
  await objectWhere(kube, policyRef("bad"), isReachableForItsGeneration);
  const version = (await get(deploymentRef)).metadata.annotations![labels.configVersion]!;
  await eventually("only the version in use is left", async () => {
    const { items } = await kube.list(configMapRef, { namespace, labelSelector: labels.policyServer });
    return items.map(({ metadata }) => metadata.name).sort().join() ===
      [configMapRef.name, `${configMapRef.name}-${version}`].join();
  });
});

test("an invalid edit keeps what was good, an invalid policy is left out, neither rolls out anything", async () => {
  const group = {
    module: undefined,
    mutating: undefined,
    message: "no",
    policies: { m: { module: "https://x/m.wasm" } },
  };
  const kind = "ClusterAdmissionPolicyGroup";
  await kube.create({ ...policy("group", { ...group, expression: "m()" }), kind });
  await objectWhere(kube, { ...policyRef("group"), kind }, isReachableForItsGeneration);
  const version = (await get(deploymentRef)).metadata.annotations![labels.configVersion]!;
  await kube.patch({ ...policyRef("group"), kind }, { spec: { expression: "other()" } }, { type: "merge" });
  await kube.create({ ...policy("never-valid", { ...group, expression: "m() +" }), kind });
  for (const name of ["group", "never-valid"]) {
    await objectWhere(
      kube,
      { ...policyRef(name), kind },
      is("PolicyServerConfigurationUpToDate", "False", "PolicyInvalid"),
    );
  }
  assert.is((await get(deploymentRef)).metadata.annotations![labels.configVersion], version);
});

test("what was deleted or changed by hand is put back", async () => {
  const { metadata: { uid } } = await get(serviceRef);
  await kube.remove(serviceRef);
  await objectWhere(kube, serviceRef, (service) => service.metadata.uid !== uid);
  await kube.patch(configMapRef, { data: { "policies.yml": "{}" } }, { type: "merge" });
  await objectWhere(kube, configMapRef, ({ data }) => (data as Record<string, string>)["policies.yml"] !== "{}");
  const theirs = { template: { spec: { dnsPolicy: "Default" } } };
  await kube.patch(deploymentRef, { spec: theirs, metadata: { annotations: { note: "theirs" } } }, { type: "merge" });
  const deployment = await objectWhere(
    kube,
    deploymentRef,
    ({ spec }) => (spec as { template: { spec: { dnsPolicy: string } } }).template.spec.dnsPolicy === "ClusterFirst",
  );
  assert.is(deployment.metadata.annotations!.note, "theirs", "annotations of others stay");
});

test("a restart that kubectl asked for is not undone by later changes", async () => {
  const restartedAt = { "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z" };
  const asked = { spec: { template: { metadata: { annotations: restartedAt } } } };
  await kube.patch(deploymentRef, asked, { type: "strategic" });
  await kube.patch(serverRef, { spec: { env: [{ name: "MORE", value: "1" }] } }, { type: "merge" });
  const changed = await objectWhere(
    kube,
    deploymentRef,
    (each) => templateOf(each).spec.containers[0]!.env.some(({ name }) => name === "MORE"),
  );
  assert.equal(templateOf(changed).metadata.annotations, restartedAt);
  await eventually("a pod of the restart serves", async () => {
    const { items } = await kube.list({ apiVersion: "v1", kind: "Pod" }, {
      namespace,
      labelSelector: labels.policyServer,
    });
    return items.length === 1 && items[0]?.metadata.annotations?.["kubectl.kubernetes.io/restartedAt"] !== undefined &&
      JSON.stringify(items[0].status).includes('"type":"Ready","status":"True"');
  });
});

test("killed in the middle of a change, it ends in the same state", async () => {
  await objectWhere(kube, policyRef("good"), isReachableForItsGeneration);
  await kube.patch(policyRef("good"), { spec: { settings: { level: 2 } } }, { type: "merge" });
  killReconciler();
  await objectWhere(kube, policyRef("good"), isReachableForItsGeneration);
});

test("who scales the Deployment keeps what they asked for, until spec.replicas changes", async () => {
  await kube.patch(deploymentRef, { spec: { replicas: 2 } }, { type: "merge", subresource: "scale" });
  await kube.patch(policyRef("good"), { spec: { settings: { level: 3 } } }, { type: "merge" });
  await objectWhere(kube, policyRef("good"), isReachableForItsGeneration);
  await objectWhere(kube, deploymentRef, (each) => scaleOf(each).ready === 2);
  assert.is(scaleOf(await get(deploymentRef)).wanted, 2, "after a rollout");

  killReconciler();
  await kube.patch(serverRef, { spec: { env: [{ name: "MORE", value: "2" }] } }, { type: "merge" });
  await objectWhere(kube, deploymentRef, (each) => JSON.stringify(each.spec).includes('{"name":"MORE","value":"2"}'));
  assert.is(scaleOf(await get(deploymentRef)).wanted, 2, "also after a restart of the reconciler");

  await kube.patch(serverRef, { spec: { replicas: 0 } }, { type: "merge" });
  await objectWhere(kube, deploymentRef, (each) => scaleOf(each).wanted === 0);
  await objectWhere(kube, policyRef("good"), is("PolicyUniquelyReachable", "False"));
});

test("what leaves the spec leaves the Deployment, what others put there stays (IT-22, IT-23, IT-24, IT-25)", async () => {
  const system = { "kubewarden/policy-server": "mine", "app.kubernetes.io/managed-by": "me" };
  const ours = { labels: { team: "a", ...system }, annotations: { note: "ours", reason: "x" } };
  await kube.patch(serverRef, { spec: ours }, { type: "merge" });
  const labelled = await objectWhere(kube, deploymentRef, ({ metadata }) => metadata.labels?.team === "a");
  for (const { labels, annotations } of [labelled.metadata, templateOf(labelled).metadata]) {
    assert.is(labels?.team, "a");
    assert.is(labels?.["kubewarden/policy-server"], "default");
    assert.is(labels?.["app.kubernetes.io/managed-by"], "kubewarden-controller");
    assert.is(annotations?.reason, "x");
  }
  const sidecar = { name: "sidecar", image: "policy-server-double:1" };
  const theirs = {
    metadata: { labels: { theirs: "yes" }, annotations: { theirs: "yes" } },
    spec: { template: { metadata: { labels: { theirs: "yes" } }, spec: { containers: [sidecar] } } },
  };
  await kube.patch(deploymentRef, theirs, { type: "strategic", fieldManager: "another" });

  await kube.patch(serverRef, { spec: { labels: null, annotations: null, priorityClassName: "" } }, { type: "merge" });
  const bare = await objectWhere(kube, deploymentRef, ({ metadata }) => metadata.labels?.team === undefined);
  const template = templateOf(bare);
  assert.equal([bare.metadata.labels?.theirs, template.metadata.labels?.theirs], ["yes", "yes"]);
  assert.equal([bare.metadata.annotations?.theirs, bare.metadata.annotations?.reason], ["yes", undefined]);
  assert.equal(template.metadata.annotations?.reason, undefined);
  assert.ok(template.metadata.annotations?.["kubectl.kubernetes.io/restartedAt"], "so does a restart");
  assert.equal(template.spec.containers.map(({ name }) => name).sort(), ["policy-server-default", "sidecar"]);
  assert.ok(bare.metadata.annotations?.[labels.configVersion]);
  assert.is(bare.metadata.labels?.["kubewarden/policy-server"], "default");

  const gone = { spec: { template: { spec: { containers: [{ name: "sidecar", $patch: "delete" }] } } } };
  await kube.patch(deploymentRef, gone, { type: "strategic", fieldManager: "another" });
  await kube.patch(serverRef, { spec: { replicas: 1 } }, { type: "merge" });
  await objectWhere(kube, policyRef("good"), isReachableForItsGeneration);
});

test("a deleted PolicyServer takes its policies down and waits for their webhooks", async () => {
  const { metadata: { uid } } = await get(serverRef);
  await kube.remove(serverRef);
  await objectWhere(kube, policyRef("good"), is("PolicyUniquelyReachable", "False", "PolicyServerTerminating"));
  const server = await get(serverRef);
  assert.is(server.metadata.uid, uid);
  const observedGeneration = server.metadata.generation!;
  await say(kube, serverRef, { by: "webhook-registrar", type: "PolicyWebhooksCleanedUp", observedGeneration });
  const later = await objectWhere(kube, serverRef, ({ metadata }) => metadata.uid !== uid);
  await objectWhere(kube, serverRef, is("DeploymentReconciled", "False", "WaitingForCertificate"));
  await say(kube, serverRef, { by: "certs", type: "CertSecretReconciled" });
  const policy = await objectWhere(kube, policyRef("good"), isReachableForItsGeneration);
  assert.is((policy.status as PolicyStatus).servedBy?.policyServerUid, later.metadata.uid);
});

test("policies of a server that does not exist say so", async () => {
  await kube.create(policy("lonely", { policyServer: "nobody" }));
  await objectWhere(kube, policyRef("lonely"), is("PolicyUniquelyReachable", "False", "PolicyServerNotFound"));
});

function killReconciler(): void {
  for (const { pids } of pods("reconciler")) pids.forEach((pid) => process.kill(pid, "SIGKILL"));
}

type Template = {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: { containers: { name: string; env: { name: string }[] }[] };
};
function templateOf({ spec }: KubeObject): Template {
  return (spec as { template: Template }).template;
}

function scaleOf({ spec, status }: KubeObject): { wanted: number; ready: number } {
  const { replicas } = spec as { replicas: number };
  return { wanted: replicas, ready: (status as { readyReplicas?: number } | undefined)?.readyReplicas ?? 0 };
}

function isReachableForItsGeneration(object: KubeObject): boolean {
  const found = findCondition(object, "PolicyUniquelyReachable");
  return found?.status === "True" && found.observedGeneration === object.metadata.generation;
}

test.run();
