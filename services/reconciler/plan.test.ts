import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Plan, StatusIntent } from "../../runtime/plan.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import type { Observed } from "./facts.ts";
import { planFor, statusAfterFailure } from "./plan.ts";
import {
  configMap,
  crashed,
  deployment,
  observed,
  pod,
  policy,
  policyServer,
  replicaSet,
  starting,
} from "./test-objects.ts";

const plan = (facts: Partial<Observed>) => planFor(observed(facts), sha256Hex);
const server = (spec?: object, metadata?: object, status?: object) =>
  policyServer(spec, metadata, status) as KubeObject;
const names = (objects: { kind: string; name?: string; metadata?: { name: string } }[]) =>
  objects.map((each) => `${each.kind} ${each.metadata?.name ?? each.name}`);
const versionIn = ({ apply }: Plan) => apply[0]!.metadata.annotations!["kubewarden/config-version"]!;
const filesIn = ({ apply }: Plan) => apply[0]!.data as Record<string, string>;

/** The conditions of one status as `Type=Status Reason`. */
function conditionsOf({ status }: Pick<Plan, "status">, uid: string): string[] {
  return intentFor(status, uid).conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}
function intentFor(status: StatusIntent[], uid: string): StatusIntent {
  const intent = status.find(({ target }) => target.uid === uid);
  if (!intent) throw new Error(`no status for ${uid}`);
  return intent;
}
const messageOf = ({ status }: Pick<Plan, "status">, uid: string, type: string) =>
  intentFor(status, uid).conditions.find((each) => each.type === type)?.message ?? "";

const cap = policy("ClusterAdmissionPolicy", "a", { settings: { level: 1 } }, { generation: 3 });
const first = plan({ policies: [cap] });
const version = versionIn(first);
/** All that exists once the first plan was carried out and its pods are ready. */
const running = (facts: Partial<Observed> = {}): Partial<Observed> => ({
  policies: [cap],
  deployment: deployment(version),
  configMaps: [configMap(version, filesIn(first)["policies.yml"]!)],
  replicaSets: [replicaSet(version)],
  pods: [pod("p", version)],
  ...facts,
});

test("plan: everything at once when the certificate is there", () => {
  assert.equal(names(first.apply), [
    `ConfigMap policy-server-default-${version}`,
    "ConfigMap policy-server-default",
    "Service policy-server-default",
    "Deployment policy-server-default",
  ]);
  assert.equal(first.remove, []);
  assert.equal(first.finalizers, []);
  assert.equal(conditionsOf(first, "server-uid"), [
    "ConfigMapReconciled=True ReconciliationSucceeded",
    "ServiceReconciled=True ReconciliationSucceeded",
    "DeploymentReconciled=True ReconciliationSucceeded",
    "PodDisruptionBudgetReconciled=True ReconciliationSucceeded",
  ]);
  assert.equal(conditionsOf(first, "a-uid"), [
    "PolicyServerConfigurationUpToDate=False ConfigurationVersionMismatch",
    "PolicyUniquelyReachable=False LatestReplicaSetIsNotUniquelyReachable",
  ]);
  const { conditions, fields } = intentFor(first.status, "a-uid");
  assert.equal(conditions.map(({ observedGeneration }) => observedGeneration), [3, 3]);
  assert.equal(fields, { mode: "unknown", servedBy: undefined });
});

test("plan: the Deployment and its pods name the version of the files", () => {
  const [, , , written] = first.apply;
  assert.is(written!.metadata.annotations!["kubewarden/config-version"], version);
  const { template } = written!.spec as { template: { metadata: { labels: Record<string, string> } } };
  assert.is(template.metadata.labels["kubewarden/config-version"], version);
});

test("plan: the first Deployment waits for the certificate, nothing else does", () => {
  const waiting = plan({ server: server({ minAvailable: 1 }, {}, {}) });
  assert.equal(names(waiting.apply).map((each) => each.split(" ")[0]), [
    "ConfigMap",
    "ConfigMap",
    "Service",
    "PodDisruptionBudget",
  ]);
  assert.ok(conditionsOf(waiting, "server-uid").includes("DeploymentReconciled=False WaitingForCertificate"));
  const later = plan(running({ server: server({}, {}, {}) }));
  assert.ok(names(later.apply).includes("Deployment policy-server-default"));
  const recreated = plan(running({ server: server({}, { uid: "later-uid" }, {}) }));
  assert.not.ok(names(recreated.apply).includes("Deployment policy-server-default"));
});

test("plan: adds the finalizer", () => {
  const { finalizers } = plan({ server: server({}, { finalizers: [] }) });
  assert.equal(finalizers.map(({ change, finalizer, target }) => [change, finalizer, target.uid]), [
    ["add", "kubewarden.io/finalizer", "server-uid"],
  ]);
});

test("plan: the reconciler's own image where the PolicyServer names none", () => {
  const image = (facts: Partial<Observed>) => {
    const deployment = plan(facts).apply.find(({ kind }) => kind === "Deployment");
    type Spec = { template: { spec: { containers: { image: string }[] } } };
    return (deployment?.spec as Spec | undefined)?.template.spec.containers[0]?.image;
  };
  assert.is(image({ server: server({ image: undefined }), ownImage: "own:1" }), "own:1");
  assert.is(image({ ownImage: "own:1" }), "ghcr.io/kubewarden/policy-server:v1");
  assert.is(image({ server: server({ image: undefined }) }), undefined);
  const unknown = plan({ server: server({ image: undefined }) });
  assert.match(messageOf(unknown, "server-uid", "DeploymentReconciled"), /set spec.image/);
});

test("plan: reachable once the pods run it, and the plan then stays the same", () => {
  const steady = plan(running());
  assert.equal(conditionsOf(steady, "a-uid"), [
    "PolicyServerConfigurationUpToDate=True ConfigurationVersionMatch",
    "PolicyUniquelyReachable=True LatestReplicaSetIsUniquelyReachable",
  ]);
  assert.equal(intentFor(steady.status, "a-uid").fields, {
    mode: "protect",
    servedBy: { policyServerUid: "server-uid", configVersion: version },
  });
  assert.equal(steady.apply, first.apply);
});

test("plan: a later rollout leaves the version alone that a policy was first served from", () => {
  const servedBy = (facts: { uid?: string; generation?: number }) => {
    const [policy, ...others] = running().policies!;
    const { generation } = policy!.metadata;
    const type = "PolicyUniquelyReachable";
    const status = {
      conditions: [{ type, status: "True", observedGeneration: facts.generation ?? generation }],
      servedBy: { policyServerUid: facts.uid ?? "server-uid", configVersion: "earlier" },
    };
    const steady = plan(running({ policies: [{ ...policy!, status }, ...others] }));
    return (intentFor(steady.status, "a-uid").fields!.servedBy as { configVersion: string }).configVersion;
  };
  assert.is(servedBy({}), "earlier");
  assert.is(servedBy({ generation: 0 }), version, "an edit is served anew");
  assert.is(servedBy({ uid: "former" }), version, "so is a policy of a server that was made again");
});

test("plan: named by the Deployment but not yet by its pods is up to date and not reachable", () => {
  assert.equal(conditionsOf(plan(running({ pods: [pod("p", version, starting)] })), "a-uid"), [
    "PolicyServerConfigurationUpToDate=True ConfigurationVersionMatch",
    "PolicyUniquelyReachable=False LatestReplicaSetIsNotUniquelyReachable",
  ]);
});

test("plan: a lost annotation is an unknown version", () => {
  const bare = deployment(version);
  const report = plan(running({ deployment: { ...bare, metadata: { ...bare.metadata, annotations: {} } } }));
  assert.ok(
    conditionsOf(report, "a-uid").includes("PolicyServerConfigurationUpToDate=False UnknownConfigurationVersion"),
  );
});

const edited = policy("ClusterAdmissionPolicy", "a", { settings: { level: 2 } }, { generation: 4 });
test("plan: an edit takes the verdict back until the pods run it; the old mode stands", () => {
  const during = plan(running({ policies: [edited] }));
  assert.equal(conditionsOf(during, "a-uid"), [
    "PolicyServerConfigurationUpToDate=False ConfigurationVersionMismatch",
    "PolicyUniquelyReachable=False LatestReplicaSetIsNotUniquelyReachable",
  ]);
  assert.equal(intentFor(during.status, "a-uid").fields, { mode: "protect", servedBy: undefined });
  assert.is.not(versionIn(during), version);
});

test("plan: another policy's rollout and its failure leave a verdict alone", () => {
  const other = policy("ClusterAdmissionPolicy", "b");
  const policies = [cap, other];
  const next = plan(running({ policies }));
  const nextVersion = versionIn(next);
  const failing = plan(running({
    policies,
    deployment: deployment(nextVersion),
    replicaSets: [replicaSet(version), replicaSet(nextVersion)],
    pods: [
      pod("p", version),
      pod("q", nextVersion, crashed('{"policy":"clusterwide-b","code":"X","message":"no wasm"}')),
    ],
  }));
  assert.equal(conditionsOf(failing, "a-uid"), [
    "PolicyServerConfigurationUpToDate=True ConfigurationVersionMatch",
    "PolicyUniquelyReachable=True LatestReplicaSetIsUniquelyReachable",
  ]);
  assert.equal(conditionsOf(failing, "b-uid"), [
    "PolicyServerConfigurationUpToDate=True ConfigurationVersionMatch",
    "PolicyUniquelyReachable=False PolicyLoadFailed",
  ]);
  assert.is(messageOf(failing, "b-uid", "PolicyUniquelyReachable"), "no wasm");
  assert.equal(failing.remove, [], "the configuration of the serving pod is kept");
});

test("plan: an edit that only touches the webhook is served at once", () => {
  const narrowed = policy("ClusterAdmissionPolicy", "a", { settings: { level: 1 }, failurePolicy: "Ignore" }, {
    generation: 9,
  });
  const { conditions } = intentFor(plan(running({ policies: [narrowed] })).status, "a-uid");
  assert.equal(conditions.map(({ status, observedGeneration }) => [status, observedGeneration]), [["True", 9], [
    "True",
    9,
  ]]);
});

test("plan: an invalid policy gets its own condition", () => {
  const broken = policy("AdmissionPolicyGroup", "g", { expression: "m1(" });
  const report = plan(running({ policies: [cap, broken] }));
  assert.equal(conditionsOf(report, "g-uid"), [
    "PolicyServerConfigurationUpToDate=False PolicyInvalid",
    "PolicyUniquelyReachable=False LatestReplicaSetIsNotUniquelyReachable",
  ]);
  assert.is(versionIn(report), version, "and rolls out nothing");
});

test("plan: an invalid edit says that the last valid generation stays", () => {
  const good = policy("AdmissionPolicyGroup", "g");
  const before = plan({ policies: [good] });
  const at = versionIn(before);
  const broken = policy("AdmissionPolicyGroup", "g", { expression: "m1(" }, { generation: 2 });
  const after = plan({
    policies: [broken],
    deployment: deployment(at),
    configMaps: [configMap(at, filesIn(before)["policies.yml"]!)],
    replicaSets: [replicaSet(at)],
    pods: [pod("p", at)],
  });
  assert.is(versionIn(after), at);
  assert.match(messageOf(after, "g-uid", "PolicyServerConfigurationUpToDate"), /last valid generation stays in force/);
  assert.equal(intentFor(after.status, "g-uid").fields, { mode: "protect", servedBy: undefined });
});

test("plan: the disruption budget comes and goes with its fields (IT-12, IT-13)", () => {
  const budget = {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "policy-server-default", uid: "b" },
  };
  assert.ok(
    names(plan({ server: server({ minAvailable: 1 }) }).apply).includes("PodDisruptionBudget policy-server-default"),
  );
  const gone = plan({ disruptionBudget: budget });
  assert.equal(names(gone.remove), ["PodDisruptionBudget policy-server-default"]);
  assert.is(gone.remove[0]!.uid, "b");
});

test("plan: versions go when no pod can start with them any more", () => {
  const old = configMap("old", "{}");
  const removed = (facts: Partial<Observed>) =>
    names(plan(running({ ...facts, configMaps: [old, ...(facts.configMaps ?? running().configMaps!)] })).remove);
  const gone = ["ConfigMap policy-server-default-old"];
  assert.equal(removed({}), gone);
  assert.equal(removed({ replicaSets: [replicaSet(version), replicaSet("old", 0)] }), gone);
  assert.equal(removed({ replicaSets: [replicaSet(version), replicaSet("old")] }), []);
  assert.equal(removed({ pods: [pod("p", version), pod("q", "old")] }), []);
  assert.equal(removed({ deployment: deployment("old") }), [], "the new version was not seen in the Deployment yet");
  const readable = { ...old, metadata: { ...old.metadata, name: "policy-server-default" } };
  assert.equal(removed({ configMaps: [...running().configMaps!, readable] }), gone, "the readable copy stays");
});

test("plan: a version that holds something else is made again before anything names it", () => {
  const forged = plan(running({ configMaps: [configMap(version, '{"x":{}}')] }));
  assert.equal(names(forged.apply), ["ConfigMap policy-server-default", "Service policy-server-default"]);
  assert.equal(names(forged.remove), [`ConfigMap policy-server-default-${version}`]);
  assert.ok(conditionsOf(forged, "server-uid").includes("ConfigMapReconciled=False ReconciliationFailed"));
});

test("plan: policies of a server that does not exist", () => {
  const orphan = plan({
    server: undefined,
    policies: [cap],
    deployment: deployment(version),
    pods: [pod("p", version)],
  });
  assert.equal([orphan.apply, orphan.remove, orphan.finalizers], [[], [], []]);
  assert.equal(conditionsOf(orphan, "a-uid"), [
    "PolicyServerConfigurationUpToDate=False PolicyServerNotFound",
    "PolicyUniquelyReachable=False PolicyServerNotFound",
  ]);
  assert.equal(intentFor(orphan.status, "a-uid").fields, { mode: "unknown", servedBy: undefined });
});

const leaving = {
  deletionTimestamp: "2026-01-01T00:00:00Z",
  generation: 5,
  finalizers: ["kubewarden.io/finalizer", "kubewarden"],
};
const cleanedUp = (observedGeneration: number, status = "True") => ({
  conditions: [{ type: "PolicyWebhooksCleanedUp", status, observedGeneration }],
});

test("plan: a terminating server gets nothing new, its policies become unreachable", () => {
  const release = plan(running({ server: server({}, leaving, {}) }));
  assert.equal([release.apply, release.remove, release.finalizers], [[], [], []]);
  assert.equal(release.status.length, 1);
  assert.equal(conditionsOf(release, "a-uid"), [
    "PolicyServerConfigurationUpToDate=False PolicyServerTerminating",
    "PolicyUniquelyReachable=False PolicyServerTerminating",
  ]);
});

test("plan: a terminating server is released when its webhooks are gone, both finalizers (IT-31, IT-32)", () => {
  const dropped = (status: object) =>
    plan({ server: server({}, leaving, status) }).finalizers.map(({ change, finalizer }) => `${change} ${finalizer}`);
  assert.equal(dropped(cleanedUp(5)), ["drop kubewarden.io/finalizer", "drop kubewarden"]);
  assert.equal(dropped(cleanedUp(5, "False")), []);
  assert.equal(dropped(cleanedUp(4)), [], "an answer from before the deletion");
});

test("plan: a name that Kubernetes cannot use makes no objects", () => {
  const named = plan({ server: server({}, { name: "a.b" }), policies: [cap] });
  assert.equal(named.apply, []);
  assert.ok(conditionsOf(named, "server-uid").every((each) => each.endsWith("=False ReconciliationFailed")));
  assert.match(messageOf(named, "server-uid", "DeploymentReconciled"), /DNS label/);
});

test("failure: the refused object in the server's words, what comes after it as not attempted", () => {
  const facts = observed({ ...running(), server: server({ minAvailable: 1 }) });
  const error = new KubewardenError("KUBE_INVALID", "cannot apply Deployment: spec.x: unknown field");
  const ref = { apiVersion: "apps/v1", kind: "Deployment", name: "policy-server-default" };
  const status = statusAfterFailure(facts, [{ ref, error }], sha256Hex);
  assert.equal(status.length, 1, "verdicts on policies stay as planned");
  assert.equal(conditionsOf({ status }, "server-uid"), [
    "ConfigMapReconciled=True ReconciliationSucceeded",
    "ServiceReconciled=True ReconciliationSucceeded",
    "DeploymentReconciled=False ReconciliationFailed",
    "PodDisruptionBudgetReconciled=False ReconciliationFailed",
  ]);
  assert.is(messageOf({ status }, "server-uid", "DeploymentReconciled"), error.message);
  assert.match(messageOf({ status }, "server-uid", "PodDisruptionBudgetReconciled"), /^Not attempted/);
});

test("failure: a finalizer that cannot be added holds back everything", () => {
  const facts = observed({ server: server({}, { finalizers: [] }) });
  const ref = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "default" };
  const status = statusAfterFailure(facts, [{ ref, error: new Error("conflict") }], sha256Hex);
  assert.ok(
    conditionsOf({ status }, "server-uid").slice(0, 3).every((each) => each.endsWith("=False ReconciliationFailed")),
  );
});

test.run();
