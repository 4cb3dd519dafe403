import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Plan, StatusIntent } from "../../runtime/control/plan.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import type { Observed } from "./facts.ts";
import { planFor, statusAfterFailure } from "./plan.ts";
import {
  certified,
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
    "PodsReady=False WaitingForDeployment",
    "Available=False NoPodReady",
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

test("plan: without the authority of clients the Deployment stays as it is, and the PolicyServer says why", () => {
  const mutual = { ...observed().settings, clientCaConfigMap: "client-ca" };
  const authority = (data: object) => ({ ...configMap("v", "{}"), data });
  for (const clientCa of [undefined, authority({ "ca.crt": "PEM" }), authority({ "client-ca.crt": "" })]) {
    const held = plan(running({ settings: mutual, clientCa }));
    assert.not.ok(names(held.apply).includes("Deployment policy-server-default"));
    assert.equal(held.remove, []);
    assert.ok(conditionsOf(held, "server-uid").includes("DeploymentReconciled=False ClientCaMissing"));
    assert.match(messageOf(held, "server-uid", "DeploymentReconciled"), '"client-ca" with the key "client-ca.crt"');
    assert.ok(conditionsOf(held, "a-uid").some((each) => each.startsWith("PolicyUniquelyReachable=True")));
  }
  const there = plan(running({ settings: mutual, clientCa: authority({ "client-ca.crt": "PEM" }) }));
  assert.ok(names(there.apply).includes("Deployment policy-server-default"));
});

test("plan: who scales the Deployment keeps what they asked for, until spec.replicas changes", () => {
  const stands = (replicas: number) => {
    const object = deployment(version);
    const annotations = { ...object.metadata.annotations, "kubewarden.io/applied-replicas": "1" };
    return { ...object, metadata: { ...object.metadata, annotations }, spec: { replicas } };
  };
  const replicasIn = (facts: Partial<Observed>) =>
    (plan(running(facts)).apply.find(({ kind }) => kind === "Deployment")!.spec as { replicas: number }).replicas;
  assert.is(replicasIn({ deployment: stands(3) }), 3);
  assert.is(replicasIn({ deployment: stands(3), server: server({ replicas: 2 }) }), 2);
  assert.is(replicasIn({ deployment: stands(3), server: server({ replicas: 0 }) }), 0);
  const former = { ...stands(3), metadata: { ...stands(3).metadata, ownerReferences: [] } };
  assert.is(replicasIn({ deployment: former }), 1, "of a former PolicyServer nothing is kept");
});

test("plan: as many pods must be ready as the Deployment asks for, whatever the PolicyServer once said", () => {
  const scaled = (replicas: number) => ({ ...deployment(version), spec: { replicas } });
  const reachable = (facts: Partial<Observed>) => conditionsOf(plan(running(facts)), "a-uid")[1]!;
  assert.match(reachable({ deployment: scaled(1), server: server({ replicas: 3 }) }), "=True");
  assert.match(reachable({ deployment: scaled(3), server: server({ replicas: 1 }) }), "=False");
  assert.match(reachable({ deployment: scaled(0), server: server({ replicas: 1 }), pods: [] }), "=False");
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
    "PolicyUniquelyReachable=False PolicyInvalid",
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
  const [availability, ...others] = conditionsOf(named, "server-uid").reverse();
  assert.is(availability, "Available=False NoPodReady");
  assert.ok(others.every((each) => each.endsWith("=False PolicyServerInvalid")));
  assert.match(messageOf(named, "server-uid", "DeploymentReconciled"), /DNS label/);
});

test("plan: of a name that is too long the condition says the limit (B20)", () => {
  for (const name of ["a".repeat(39), "a".repeat(63)]) {
    const named = plan({ server: server({}, { name }), policies: [cap] });
    assert.equal(named.apply, []);
    assert.match(
      messageOf(named, "server-uid", "DeploymentReconciled"),
      `${name.length - 38} characters too long: 38 are`,
    );
    assert.match(messageOf(named, "a-uid", "PolicyUniquelyReachable"), "38 are the most");
  }
  assert.ok(plan({ server: server({}, { name: "a".repeat(38) }) }).apply.length > 0);
});

test("plan: a stored PolicyServer that its schema does not accept any more says so, and its policies too", () => {
  const unreadable = plan({ server: server({ replicas: "two" }, { generation: 4 }), policies: [cap] });
  assert.equal(unreadable.apply, [], "what runs is left alone");
  const conditions = intentFor(unreadable.status, "server-uid").conditions.filter(({ type }) => type !== "Available");
  assert.is(conditions.length, 5);
  for (const { status, reason, message, observedGeneration } of conditions) {
    assert.equal([status, reason, observedGeneration], ["False", "PolicyServerInvalid", 4]);
    assert.match(message, /replicas/);
  }
  assert.equal(conditionsOf(unreadable, "a-uid"), [
    "PolicyServerConfigurationUpToDate=False PolicyServerInvalid",
    "PolicyUniquelyReachable=False PolicyServerInvalid",
  ]);
});

test("plan: a stored policy that its schema does not accept any more says so", () => {
  const broken = policy("ClusterAdmissionPolicy", "broken", { module: 7 }, { generation: 2 });
  const { status } = plan(running({ policies: [cap, broken] }));
  const { conditions } = intentFor(status, "broken-uid");
  for (const { status, reason, message, observedGeneration } of conditions) {
    assert.equal([status, reason, observedGeneration], ["False", "PolicyInvalid", 2]);
    assert.match(message, /module/);
  }
});

test("plan: of two policies with one unique name the younger is refused until the older is gone", () => {
  const older = policy("AdmissionPolicy", "c", {}, {
    namespace: "a-b",
    uid: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
  });
  const younger = policy("AdmissionPolicy", "b-c", {}, {
    namespace: "a",
    uid: "2",
    creationTimestamp: "2026-01-02T00:00:00Z",
  });
  const collision = [
    "PolicyServerConfigurationUpToDate=False NameCollision",
    "PolicyUniquelyReachable=False NameCollision",
  ];
  for (const policies of [[older, younger], [younger, older]]) {
    const both = plan({ policies });
    assert.equal(conditionsOf(both, "2"), collision);
    assert.match(messageOf(both, "2", "PolicyUniquelyReachable"), /taken by AdmissionPolicy "c" in namespace "a-b"/);
    assert.match(filesIn(both)["policies.yml"]!, /"Namespace":"a-b"/);
    assert.not.match(filesIn(both)["policies.yml"]!, /"Namespace":"a",/);
  }
  const elsewhere = plan({ policies: [younger], rivals: [older] });
  assert.equal(conditionsOf(elsewhere, "2"), collision, "also when the older one has another server");
  assert.match(filesIn(plan({ policies: [younger] }))["policies.yml"]!, /"Namespace":"a",/);
});

test("plan: every condition carries the generation it speaks of", () => {
  const generations = { generation: 6 };
  const cases: Partial<Observed>[] = [
    { server: server({}, generations) },
    { server: server({}, { ...generations, name: "a.b" }) },
    { server: server({}, { ...generations, deletionTimestamp: "2026-01-01T00:00:00Z" }) },
    { server: undefined },
  ];
  for (const facts of cases) {
    const { status } = plan({ ...facts, policies: [policy("AdmissionPolicy", "p", {}, generations)] });
    for (const { conditions } of status) {
      for (const { type, observedGeneration } of conditions) assert.is(observedGeneration, 6, type);
    }
  }
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
    "PodsReady=False PodsNotReady",
    "Available=True PodReady",
  ]);
  assert.is(messageOf({ status }, "server-uid", "DeploymentReconciled"), error.message);
  assert.match(messageOf({ status }, "server-uid", "PodDisruptionBudgetReconciled"), /^Not attempted/);
});

test("failure: a write that another one overtook leaves what was said, until the next pass", () => {
  const standing = { ...certified.conditions[0]!, type: "DeploymentReconciled", observedGeneration: 4 };
  const facts = observed({ ...running(), server: server({}, {}, { conditions: [...certified.conditions, standing] }) });
  const error = new KubewardenError("KUBE_CONFLICT", "the object has been modified");
  const ref = { apiVersion: "apps/v1", kind: "Deployment", name: "policy-server-default" };
  const status = statusAfterFailure(facts, [{ ref, error }], sha256Hex);
  const after = intentFor(status, "server-uid").conditions.find(({ type }) => type === "DeploymentReconciled");
  assert.equal([after?.status, after?.observedGeneration], ["True", 4]);
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
