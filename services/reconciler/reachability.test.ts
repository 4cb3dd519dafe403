import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { type ConfigEntries, entriesIn } from "./entries.ts";
import { type Fleet, namedVersion, reachOf } from "./reachability.ts";
import { crashed, deployment, pod, ready, replicaSet, starting } from "./test-objects.ts";

const entries = (...texts: string[]): ConfigEntries =>
  entriesIn(`{${texts.map((text, index) => `"p${index}":{"policyMode":"protect","module":"${text}"}`).join(",")}}`);
const wantedEntry = entries("new").get("p0")!.text;

/** v1 is the old configuration, v2 the one the Deployment names, v3 changes another policy only. */
const fleet = (facts: Partial<Fleet>): Fleet => ({
  serverUid: "server-uid",
  replicas: 2,
  deployment: deployment("v2"),
  replicaSets: [replicaSet("v1"), replicaSet("v2"), replicaSet("v3")],
  pods: [],
  events: [],
  entriesOf: new Map([["v1", entries("old")], ["v2", entries("new")], ["v3", entries("new", "other")]]),
  ...facts,
});
const reach = (facts: Partial<Fleet>) => reachOf(fleet(facts), { unique: "p0", entry: wantedEntry });

const terminating = { deletionTimestamp: "2026-01-01T00:00:00Z" };
const evicted = { phase: "Failed", reason: "Evicted" };
const pods = (count: number, version: string, status: object = ready) =>
  Array.from({ length: count }, (_, index) => pod(`${version}-${index}`, version, status));
const reachable: [string, Partial<Fleet>, string][] = [
  ["every pod is ready and has it", { pods: pods(2, "v2") }, "v2"],
  ["old pods are evicted or completed", {
    pods: [...pods(2, "v2"), pod("b", "v1", evicted), pod("c", "v1", { phase: "Succeeded" })],
  }, "v2"],
  ["a pod with it is terminating", { pods: [...pods(2, "v2"), pod("b", "v2", starting, terminating)] }, "v2"],
  ["another version has the same entry", { pods: [pod("a", "v2"), pod("b", "v3")] }, "v3"],
  [
    "pods of another policy's rollout start with the same entry",
    { deployment: deployment("v3"), pods: [...pods(2, "v2"), pod("b", "v3", starting)] },
    "v2",
  ],
  [
    "the rollout of another policy fails",
    {
      deployment: deployment("v3"),
      pods: [...pods(2, "v2"), pod("b", "v3", crashed('{"policy":"p1","message":"no"}'))],
    },
    "v2",
  ],
  ["that rollout is through", { deployment: deployment("v3"), pods: pods(2, "v3") }, "v3"],
  ["of four pods three are ready", { replicas: 4, pods: [...pods(3, "v2"), pod("b", "v2", starting)] }, "v2"],
];
for (const [title, facts, configVersion] of reachable) {
  test(`reachable: when ${title}`, () => {
    assert.equal(reach(facts), { reachable: true, mode: "protect", configVersion });
  });
}

const foreign: KubeObject = {
  ...pod("foreign", "v2"),
  metadata: { ...pod("foreign", "v2").metadata, ownerReferences: [] },
};
const failedMount: KubeObject = {
  apiVersion: "v1",
  kind: "Event",
  metadata: { name: "e" },
  involvedObject: { uid: "a-uid" },
  reason: "FailedMount",
  message: 'secret "policy-server-default" not found',
};
const replicaFailure = (message: string) => ({
  ...deployment("v2"),
  status: { conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }] },
});
const pullSecretMissing: KubeObject = {
  ...failedMount,
  reason: "FailedToRetrieveImagePullSecret",
  message: "Unable to retrieve some image pull secrets (reg)",
};
const waiting = (reason: string, message: string) => ({
  phase: "Pending",
  containerStatuses: [{ name: "c", state: { waiting: { reason, message } } }],
});
const notYet = "LatestReplicaSetIsNotUniquelyReachable";
const unreachable: [string, Partial<Fleet>, string, RegExp][] = [
  ["there is no Deployment", { deployment: undefined }, notYet, /no Deployment/],
  ["there are no pods yet", {}, notYet, /No pod of the policy server runs yet/],
  [
    "there are to be no pods",
    { replicas: 0 },
    "NoReplicas",
    /No pod can serve the policy. Scale its Deployment up/,
  ],
  [
    "a quota is used up",
    { deployment: replicaFailure("pods is forbidden: exceeded quota: q") },
    "QuotaExceeded",
    /quota: q/,
  ],
  [
    "a quota asks for what pods do not say",
    { deployment: replicaFailure("failed quota: q: must specify limits.cpu") },
    "QuotaExceeded",
    /must specify/,
  ],
  [
    "pods are refused while old ones serve",
    { deployment: replicaFailure('violates PodSecurity "restricted"'), pods: [pod("a", "v1")] },
    "PodCreationRefused",
    /violates PodSecurity/,
  ],
  ["a pod is not ready", { pods: [pod("a", "v2"), pod("b", "v2", starting)] }, notYet, /Pod "b" is not ready/],
  ["a pod is missing", { pods: [pod("a", "v2")] }, notYet, /Fewer than 2 pods/],
  [
    "of four pods two are ready",
    { replicas: 4, pods: [...pods(2, "v2"), pod("b", "v2", starting)] },
    notYet,
    /Pod "b"/,
  ],
  ["an old pod runs", { pods: [pod("a", "v2"), pod("b", "v1")] }, notYet, /Pod "b" does not run/],
  ["an old pod is terminating", { pods: [pod("a", "v2"), pod("b", "v1", starting, terminating)] }, notYet, /Pod "b"/],
  ["all pods are terminating", { pods: [pod("a", "v2", ready, terminating)] }, notYet, /Every pod .* terminating/],
  ["a pod of something else bears the label", { pods: [pod("a", "v2"), foreign] }, notYet, /Pod "foreign"/],
  ["a pod's ReplicaSet was not seen yet", { pods: [pod("a", "v2")], replicaSets: [] }, notYet, /Pod "a"/],
  ["the Deployment is of an earlier server", { serverUid: "later", pods: [pod("a", "v2")] }, notYet, /belong/],
  [
    "its module fails while old pods serve",
    {
      pods: [pod("a", "v1"), pod("b", "v2", crashed('{"policy":"p0","code":"MODULE_FETCH_FAILED","message":"gone"}'))],
    },
    "ModuleFetchFailed",
    /^gone\. Check spec\.module/,
  ],
  [
    "a member of it fails",
    { pods: [pod("b", "v2", crashed('{"policy":"p0/m1","code":"X","message":"member"}'))] },
    "PolicyLoadFailed",
    /^Member "m1": member$/,
  ],
  [
    "another policy keeps the server from starting",
    { pods: [pod("b", "v2", crashed('{"policy":"p1","code":"X","message":"bad"}'))] },
    "OtherPolicyFailed",
    /Pod "b" cannot load policy "p1": bad/,
  ],
  [
    "the server ends with plain text",
    { pods: [pod("b", "v2", crashed("Error: no certificate"))] },
    "CrashLoop",
    /Error: no certificate/,
  ],
  [
    "a pod of an older configuration failed by it",
    { pods: [pod("a", "v2", starting), pod("b", "v1", crashed('{"policy":"p0","code":"X","message":"stale"}'))] },
    notYet,
    /Pod "b" does not run/,
  ],
  [
    "the image cannot be pulled",
    { pods: [pod("a", "v2", waiting("ErrImagePull", "no such image"))] },
    "ImagePullFailed",
    /ErrImagePull: no such image\. Check spec\.image/,
  ],
  [
    "the image's pull Secret is missing",
    { pods: [pod("a", "v2", waiting("ImagePullBackOff", "Back-off"))], events: [pullSecretMissing] },
    "ImagePullFailed",
    /Back-off; Unable to retrieve some image pull secrets \(reg\)/,
  ],
  [
    "a variable's Secret is missing",
    { pods: [pod("a", "v2", waiting("CreateContainerConfigError", 'secret "token" not found'))] },
    "SecretOrConfigMapMissing",
    /secret "token" not found\. Create what is missing/,
  ],
  [
    "a variable's key is missing",
    { pods: [pod("a", "v2", waiting("CreateContainerConfigError", "couldn't find key k in ConfigMap ns/c"))] },
    "SecretOrConfigMapMissing",
    /key k/,
  ],
  [
    "the image would run as root",
    { pods: [pod("a", "v2", waiting("CreateContainerConfigError", "image will run as root"))] },
    "PolicyServerStartFailed",
    /run as root/,
  ],
  [
    "a volume cannot be mounted",
    { pods: [pod("a", "v2", waiting("ContainerCreating", ""))], events: [failedMount] },
    "SecretOrConfigMapMissing",
    /FailedMount: secret "policy-server-default" not found/,
  ],
  [
    "a volume cannot be mounted for another reason",
    {
      pods: [pod("a", "v2", waiting("ContainerCreating", ""))],
      events: [{ ...failedMount, message: "timed out waiting for the condition" }],
    },
    "VolumeMountFailed",
    /timed out/,
  ],
  [
    "a pod gets no network",
    {
      pods: [pod("a", "v2", waiting("ContainerCreating", ""))],
      events: [{ ...failedMount, reason: "FailedCreatePodSandBox", message: "no addresses left" }],
    },
    "PolicyServerStartFailed",
    /FailedCreatePodSandBox: no addresses left/,
  ],
  [
    "a probe of a pod that starts has failed",
    { pods: [pod("a", "v2", starting)], events: [{ ...failedMount, reason: "Unhealthy", message: "not yet" }] },
    notYet,
    /not ready/,
  ],
  [
    "the mount failed once but the container runs by now",
    { pods: [pod("a", "v2", starting)], events: [failedMount] },
    notYet,
    /not ready/,
  ],
  [
    "no node takes the pod",
    {
      pods: [
        pod("a", "v2", {
          phase: "Pending",
          conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" }],
        }),
      ],
    },
    "PodUnschedulable",
    /Unschedulable: 0\/1 nodes/,
  ],
  [
    "the container ended without a word",
    {
      pods: [pod("a", "v2", {
        ...starting,
        containerStatuses: [{
          name: "c",
          state: {},
          lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } },
        }],
      })],
    },
    "CrashLoop",
    /OOMKilled, exit code 137/,
  ],
];
for (const [title, facts, reason, message] of unreachable) {
  test(`not reachable: when ${title}`, () => {
    const result = reach(facts);
    if (result.reachable) throw new Error("is reachable");
    assert.is(result.reason, reason);
    assert.match(result.message, message);
  });
}

const loadFailures: [string, string][] = [
  ["DOWNLOAD_NOT_FOUND", "ModuleFetchFailed"],
  ["MODULE_FETCH_FAILED", "ModuleFetchFailed"],
  ["VERIFICATION_FAILED", "VerificationFailed"],
  ["TRUST_ROOT_UNAVAILABLE", "VerificationFailed"],
  ["MODULE_INVALID", "ModuleInvalid"],
  ["GUEST_FAILED", "ModuleInvalid"],
  ["SETTINGS_INVALID", "SettingsInvalid"],
  ["CAPABILITY_INVALID", "PolicyLoadFailed"],
  ["A_CODE_OF_A_LATER_VERSION", "PolicyLoadFailed"],
];
for (const [code, reason] of loadFailures) {
  test(`not reachable: ${code} of the policy itself is ${reason}, in the policy server's words`, () => {
    const words = "it says:\n- one\n- two";
    const ending = crashed(JSON.stringify({ policy: "p0", code, message: words }));
    const result = reach({ pods: [pod("a", "v1"), pod("b", "v2", ending)] });
    if (result.reachable) throw new Error("is reachable");
    assert.is(result.reason, reason);
    assert.ok(result.message.startsWith(words), "lines are kept");
  });
}

test("mode: as ready pods serve it, unknown where they differ or none is ready", () => {
  const monitor = entriesIn('{"p0":{"policyMode":"monitor"}}');
  const entriesOf = new Map([["v1", monitor], ["v2", entries("new")]]);
  assert.is(reach({ entriesOf, pods: [pod("a", "v1")] }).mode, "monitor");
  assert.is(reach({ entriesOf, pods: [pod("a", "v1"), pod("b", "v2")] }).mode, "unknown");
  assert.is(reach({ entriesOf, pods: [pod("a", "v1"), pod("b", "v2", starting)] }).mode, "monitor");
  assert.is(reach({ entriesOf, pods: [] }).mode, "unknown");
});

test("named version: only of a Deployment that belongs to this PolicyServer", () => {
  assert.is(namedVersion(fleet({})), "v2");
  assert.is(namedVersion(fleet({ serverUid: "later" })), undefined);
});

test.run();
