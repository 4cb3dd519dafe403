import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import type { Observed } from "./facts.ts";
import { podsVerdict } from "./pods-ready.ts";
import { crashed, deployment, observed, pod, policyServer, ready, replicaSet, starting } from "./test-objects.ts";
import { readServer, wantedConfiguration, wouldBecomeReady } from "./wanted.ts";

const written = (observedGeneration: number, ...more: object[]) => ({
  conditions: [
    {
      type: "DeploymentReconciled",
      status: "True",
      reason: "ReconciliationSucceeded",
      message: "",
      observedGeneration,
    },
    ...more,
  ],
});
const server = (status: object = written(1), metadata: object = {}) =>
  policyServer({ replicas: 2 }, metadata, status) as KubeObject;

/** The version of a configuration without policies. */
const version = (() => {
  const read = readServer(server());
  if ("problem" in read) throw new Error(read.problem);
  return wantedConfiguration(read.policyServer, observed({ server: server() }), sha256Hex).version;
})();
const done = { observedGeneration: 3, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
const rolledOut = (status: object = done, replicas = 2): KubeObject => {
  const { metadata, ...rest } = deployment(version);
  return { ...rest, metadata: { ...metadata, generation: 3 }, spec: { replicas }, status };
};
const facts = (more: Partial<Observed> = {}): Observed =>
  observed({
    server: server(),
    deployment: rolledOut(),
    replicaSets: [replicaSet(version), replicaSet("old")],
    pods: [pod("a", version), pod("b", version)],
    ...more,
  });
const verdict = (more: Partial<Observed> = {}) => {
  const all = facts(more);
  const read = readServer(all.server!);
  if ("problem" in read) throw new Error(read.problem);
  return podsVerdict(all.server!, all, wantedConfiguration(read.policyServer, all, sha256Hex));
};

test("pods ready: when all that the Deployment asks for run the present configuration", () => {
  assert.equal(verdict(), { is: true, reason: "PodsReady", message: "2 of 2 pods are ready" });
});

const unfinished = { ...done, updatedReplicas: 1, availableReplicas: 1 };
const unschedulable = {
  phase: "Pending",
  conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" }],
};
const settings = '{"policy":"p","code":"SETTINGS_INVALID","message":"no x"}\n{"policy":"q","code":"X","message":"y"}';
const held: [string, Partial<Observed>, string, RegExp][] = [
  ["there is no Deployment", { deployment: undefined }, "WaitingForDeployment", /see DeploymentReconciled/],
  ["no pods are asked for", { deployment: rolledOut({}, 0) }, "NoReplicas", /Scale its Deployment up/],
  [
    "the Deployment names another version",
    { deployment: deployment("old"), pods: [pod("a", "old"), pod("b", "old")] },
    "PodsNotReady",
    /^0 of 1 pods are ready with the present configuration$/,
  ],
  ["this generation was not written yet", { server: server(written(1), { generation: 2 }) }, "PodsNotReady", /2 of 2/],
  [
    "the Deployment's controller has not seen it yet",
    { deployment: rolledOut({ ...done, observedGeneration: 2 }) },
    "PodsNotReady",
    /pods are ready/,
  ],
  [
    "an old pod is still there",
    { deployment: rolledOut({ ...done, replicas: 3 }), pods: [pod("a", version), pod("b", "old")] },
    "PodsNotReady",
    /1 of 2 pods/,
  ],
  [
    "a pod is late",
    {
      deployment: rolledOut({
        ...unfinished,
        conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }],
      }),
      pods: [pod("a", version), pod("b", version, starting)],
    },
    "PodsNotReady",
    /longer than the Deployment allows/,
  ],
  [
    "a pod cannot be scheduled while an old one serves",
    { deployment: rolledOut(unfinished), pods: [pod("a", "old", ready), pod("b", version, unschedulable)] },
    "PodUnschedulable",
    /^Pod "b" does not start: Unschedulable: 0\/3 nodes\. Free .*\nMeanwhile 1 pod serves on$/,
  ],
  [
    "policies do not load",
    { deployment: rolledOut(unfinished), pods: [pod("b", version, crashed(settings))] },
    "PolicyLoadFailed",
    /^Pod "b" cannot load what it is to serve:\npolicy "p": no x\npolicy "q": y$/,
  ],
  [
    "a quota is used up",
    {
      deployment: rolledOut({
        ...unfinished,
        conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota: q" }],
      }),
      pods: [],
    },
    "QuotaExceeded",
    /FailedCreate: exceeded quota: q\. Raise/,
  ],
];
for (const [title, more, reason, message] of held) {
  test(`pods not ready: when ${title}`, () => {
    const result = verdict(more);
    assert.is(result.is, false);
    assert.is(result.reason, reason);
    assert.match(result.message, message);
  });
}

test("pods ready: about to be said of a generation it was not said of, so the Deployment is looked at live", () => {
  const podsReady = (status: string, observedGeneration: number) => ({ type: "PodsReady", status, observedGeneration });
  const would = (status: object, metadata: object = {}) =>
    wouldBecomeReady(facts({ server: server(status, metadata) }), sha256Hex);
  assert.is(would(written(1)), true);
  assert.is(would(written(1, podsReady("False", 1))), true);
  assert.is(would(written(1, podsReady("True", 1))), false, "nothing new");
  assert.is(would(written(2, podsReady("True", 1)), { generation: 2 }), true);
  assert.is(would(written(1), { deletionTimestamp: "2026-01-01T00:00:00Z" }), false);
});

test.run();
