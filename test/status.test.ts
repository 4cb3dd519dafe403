/**
 * What the reconciler says of pods that do not come up: it runs as a pod of the local cluster with the rights that
 * deploy/kustomize gives it. Each fault is put into a PolicyServer that served before, told, and mended.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findCondition } from "../contracts/conditions.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { apiVersion } from "../contracts/names.ts";
import { eventually, objectWhere } from "../local-cluster/testing/observe.ts";
import { doubleImage as image, doublePolicyServer, is, policyRef } from "./controllers-cluster.ts";
import { policy, say, serverRef, startReconcilerCluster } from "./reconciler-cluster.ts";

const { kube, stop } = await startReconcilerCluster();
test.after(stop);

test("PodsReady comes when the pods are ready, and says so in an Event", async () => {
  await kube.create(doublePolicyServer("default"));
  await objectWhere(kube, serverRef, is("PodsReady", "False", "WaitingForDeployment"));
  await say(kube, serverRef, { by: "certs", type: "CertSecretReconciled" });
  await kube.create(policy("good"));
  await objectWhere(kube, serverRef, is("PodsReady", "True", "PodsReady"));
  await objectWhere(kube, policyRef("good"), is("PolicyUniquelyReachable", "True"));
  const event = await eventOf("PodsReady", "default");
  assert.is(event.type, "Normal");
  assert.match(String(event.message), /^PodsReady is True: 1 of 1 pods are ready$/);
});

const privileged = { container: { privileged: true, allowPrivilegeEscalation: true } };
const moon = { matchExpressions: [{ key: "place", operator: "In", values: ["moon"] }] };
const faults: [string, { spec: object; mended: object; reason: string; says: RegExp }][] = [
  ["an image that cannot be pulled", {
    spec: { image: "registry.example/nothing:1" },
    mended: { image },
    reason: "ImagePullFailed",
    says: /ErrImagePull|ImagePullBackOff/,
  }],
  ["a ConfigMap that does not exist", {
    spec: { verificationConfig: "signers" },
    mended: { verificationConfig: null },
    reason: "SecretOrConfigMapMissing",
    says: /configmap "signers" not found/,
  }],
  ["a Secret that does not exist", {
    spec: { env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "token", key: "t" } } }] },
    mended: { env: null },
    reason: "SecretOrConfigMapMissing",
    says: /secret "token" not found/,
  }],
  ["nodes that do not exist", {
    spec: {
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [moon] } } },
    },
    mended: { affinity: null },
    reason: "PodUnschedulable",
    says: /0\/1 nodes are available/,
  }],
  ["what Pod Security forbids", {
    spec: { securityContexts: privileged },
    mended: { securityContexts: null },
    reason: "PodCreationRefused",
    says: /violates PodSecurity/,
  }],
];
for (const [index, [title, { spec, mended, reason, says }]] of faults.entries()) {
  test(`${title}: ${reason} on the PolicyServer, and what ran before serves on`, async () => {
    await kube.patch(serverRef, { spec }, { type: "merge" });
    const server = await objectWhere(kube, serverRef, is("PodsReady", "False", reason));
    const { message, observedGeneration } = findCondition(server, "PodsReady")!;
    assert.match(message, says);
    assert.match(message, /Meanwhile 1 pod serves on$/);
    assert.is(observedGeneration, server.metadata.generation);
    // Later ones are more than one object may have at once.
    if (index === 0) assert.is((await eventOf(reason, "default")).type, "Warning");
    assert.is(findCondition(server, "DeploymentReconciled")?.status, "True", "it was written");
    assert.is(findCondition((await kube.get(policyRef("good")))!, "PolicyUniquelyReachable")?.status, "True");
    await kube.patch(serverRef, { spec: mended }, { type: "merge" });
    await objectWhere(
      kube,
      serverRef,
      (object) =>
        is("PodsReady", "True")(object) &&
        findCondition(object, "PodsReady")?.observedGeneration === object.metadata.generation,
    );
  });
}

test("no pods are asked for: NoReplicas on the PolicyServer and its policies", async () => {
  await kube.patch(serverRef, { spec: { replicas: 0 } }, { type: "merge" });
  await objectWhere(kube, serverRef, is("PodsReady", "False", "NoReplicas"));
  await objectWhere(kube, policyRef("good"), is("PolicyUniquelyReachable", "False", "NoReplicas"));
  await kube.patch(serverRef, { spec: { replicas: 1 } }, { type: "merge" });
  await objectWhere(kube, policyRef("good"), is("PolicyUniquelyReachable", "True"));
});

test("a policy that does not load is named on its server, and on the policy that it holds up", async () => {
  await kube.create(policy("bad", { module: "https://x.example/broken.wasm" }));
  const server = await objectWhere(kube, serverRef, is("PodsReady", "False", "PolicyLoadFailed"));
  assert.match(findCondition(server, "PodsReady")!.message, /policy "clusterwide-bad": Cannot fetch module/);
  await kube.create(policy("late"));
  const late = await objectWhere(kube, policyRef("late"), is("PolicyUniquelyReachable", "False", "OtherPolicyFailed"));
  assert.match(findCondition(late, "PolicyUniquelyReachable")!.message, /cannot load policy "clusterwide-bad"/);
  assert.is(findCondition((await kube.get(policyRef("good")))!, "PolicyUniquelyReachable")?.status, "True");
  assert.is((await eventOf("ModuleFetchFailed", "bad")).type, "Warning");
  await kube.remove(policyRef("bad"));
  await objectWhere(kube, policyRef("late"), is("PolicyUniquelyReachable", "True"));
  await objectWhere(kube, serverRef, is("PodsReady", "True"));
});

test("the younger of two policies with one unique name is refused, and takes over when the older goes", async () => {
  for (const name of ["a", "a-b"]) await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const [older, younger] = [{ name: "c", namespace: "a-b" }, { name: "b-c", namespace: "a" }].map((metadata) => ({
    ...policy("any"),
    kind: "AdmissionPolicy",
    metadata,
  })) as [KubeObject, KubeObject];
  const refTo = ({ metadata: { name, namespace } }: KubeObject) => ({
    apiVersion,
    kind: "AdmissionPolicy",
    name,
    namespace,
  });
  const { metadata } = await kube.create(older);
  await objectWhere(kube, refTo(older), is("PolicyUniquelyReachable", "True"));
  // Ages are told in seconds; of one second the lower uid would count.
  await eventually(
    "the next second",
    () => new Date().toISOString() > `${metadata.creationTimestamp}`.replace("Z", ".999Z"),
  );
  await kube.create(younger);
  const refused = await objectWhere(kube, refTo(younger), is("PolicyUniquelyReachable", "False", "NameCollision"));
  assert.match(
    findCondition(refused, "PolicyServerConfigurationUpToDate")!.message,
    /taken by AdmissionPolicy "c" in namespace "a-b"/,
  );
  assert.is((await eventOf("NameCollision", "b-c", "a")).type, "Warning", "in the namespace of the policy");
  await kube.remove(refTo(older));
  await objectWhere(kube, refTo(younger), is("PolicyUniquelyReachable", "True"));
});

/** The first Event of that reason about an object of that name. */
async function eventOf(reason: string, name: string, inNamespace = "default"): Promise<Record<string, unknown>> {
  const query = { namespace: inNamespace, fieldSelector: `reason=${reason},involvedObject.name=${name}` };
  return await eventually(`an Event ${reason} about ${name}`, async () => {
    const { items } = await kube.list({ apiVersion: "v1", kind: "Event" }, query);
    return items[0] as Record<string, unknown> | undefined;
  });
}

test.run();
