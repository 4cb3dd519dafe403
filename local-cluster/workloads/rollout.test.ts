import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploymentStatusFor } from "./deployment-status.ts";
import type { Deployment, ReplicaSet } from "./objects.ts";
import { planRollout, rollingLimits } from "./rollout.ts";

const template = { spec: { containers: [{ name: "c", image: "i" }] } };

function deployment(spec: Partial<Deployment["spec"]> = {}, status: Deployment["status"] = {}): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d", generation: 2 },
    spec: { replicas: 2, selector: { matchLabels: { app: "d" } }, template, ...spec },
    status,
  };
}

function replicaSet(name: string, replicas: number, available: number, revision = 1): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name,
      creationTimestamp: `2026-01-01T00:00:0${revision}Z`,
      annotations: { "deployment.kubernetes.io/revision": String(revision) },
    },
    spec: { replicas, selector: {}, template },
    status: { replicas, readyReplicas: available, availableReplicas: available },
  };
}

const outline = (steps: ReturnType<typeof planRollout>) =>
  steps.map((step) =>
    step.do === "create"
      ? `create ${step.replicas}`
      : step.do === "remove"
      ? `remove ${step.replicaSet.metadata.name}`
      : `${step.replicaSet.metadata.name} -> ${step.replicas}`
  );

const rows: { name: string; facts: Parameters<typeof planRollout>[0]; steps: string[] }[] = [
  {
    name: "creates the first ReplicaSet with all replicas",
    facts: { deployment: deployment(), old: [] },
    steps: ["create 2"],
  },
  {
    name: "creates a new ReplicaSet within maxSurge while the old one serves",
    facts: { deployment: deployment(), old: [replicaSet("old", 2, 2)] },
    steps: ["create 1"],
  },
  {
    name: "waits while the new pod is not available",
    facts: { deployment: deployment(), current: replicaSet("new", 1, 0, 2), old: [replicaSet("old", 2, 2)] },
    steps: [],
  },
  {
    name: "takes an old pod away once a new one is available",
    facts: { deployment: deployment(), current: replicaSet("new", 1, 1, 2), old: [replicaSet("old", 2, 2)] },
    steps: ["old -> 1"],
  },
  {
    name: "goes on with the next new pod",
    facts: { deployment: deployment(), current: replicaSet("new", 1, 1, 2), old: [replicaSet("old", 1, 1)] },
    steps: ["new -> 2"],
  },
  {
    name: "takes old pods that never became available away first",
    facts: {
      deployment: deployment({ replicas: 1 }),
      current: replicaSet("new", 1, 0, 3),
      old: [replicaSet("broken", 1, 0, 2), replicaSet("good", 1, 1, 1)],
    },
    steps: ["broken -> 0"],
  },
  {
    name: "keeps the only available old pod while the new one does not come up",
    facts: {
      deployment: deployment({ replicas: 1 }),
      current: replicaSet("new", 1, 0, 2),
      old: [replicaSet("good", 1, 1, 1)],
    },
    steps: [],
  },
  {
    name: "does not start a rollout while paused",
    facts: { deployment: deployment({ paused: true }), old: [replicaSet("old", 2, 2)] },
    steps: [],
  },
  {
    name: "recreates only after the old pods are gone",
    facts: {
      deployment: deployment({ strategy: { type: "Recreate" } }),
      old: [replicaSet("old", 2, 2)],
    },
    steps: ["old -> 0"],
  },
  {
    name: "forgets the oldest ReplicaSets beyond revisionHistoryLimit",
    facts: {
      deployment: deployment({ revisionHistoryLimit: 1 }),
      current: replicaSet("new", 2, 2, 3),
      old: [replicaSet("b", 0, 0, 2), replicaSet("a", 0, 0, 1)],
    },
    steps: ["remove a"],
  },
];

for (const { name, facts, steps } of rows) {
  test(`rollout: ${name}`, () => assert.equal(outline(planRollout(facts)), steps));
}

test("rollout: maxSurge rounds up, maxUnavailable down, and both zero means one unavailable", () => {
  assert.equal(rollingLimits(deployment({ replicas: 3 })), { maxSurge: 1, maxUnavailable: 0 });
  const zero = { rollingUpdate: { maxSurge: 0, maxUnavailable: "10%" } };
  assert.equal(rollingLimits(deployment({ replicas: 3, strategy: zero })), { maxSurge: 0, maxUnavailable: 1 });
});

test("deployment status: counts, leaves zeros out and names the generation it saw", () => {
  const now = new Date("2026-01-01T00:01:00Z");
  const status = deploymentStatusFor({ deployment: deployment(), current: replicaSet("new", 2, 1), old: [], now });
  assert.is(status.observedGeneration, 2);
  assert.is(status.updatedReplicas, 2);
  assert.is(status.availableReplicas, 1);
  assert.is(status.unavailableReplicas, 1);
  assert.equal(status.conditions?.map((each) => [each.type, each.status, each.reason]), [
    ["Available", "False", "MinimumReplicasUnavailable"],
    ["Progressing", "True", "ReplicaSetUpdated"],
  ]);
  const complete = deploymentStatusFor({
    deployment: deployment({}, status),
    current: replicaSet("new", 2, 2),
    old: [],
    now: new Date("2026-01-01T00:02:00Z"),
  });
  assert.not("unavailableReplicas" in complete);
  assert.equal(complete.conditions?.map((each) => [each.status, each.reason, each.lastTransitionTime]), [
    ["True", "MinimumReplicasAvailable", "2026-01-01T00:02:00Z"],
    ["True", "NewReplicaSetAvailable", "2026-01-01T00:01:00Z"],
  ]);
});

test("deployment status: the progress deadline passes only without progress", () => {
  const started = new Date("2026-01-01T00:00:00Z");
  const facts = { current: replicaSet("new", 2, 1), old: [] };
  const first = deploymentStatusFor({ deployment: deployment(), ...facts, now: started });
  const at = (now: string) =>
    deploymentStatusFor({ deployment: deployment({}, first), ...facts, now: new Date(now) }).conditions?.[1]?.reason;
  assert.is(at("2026-01-01T00:09:59Z"), "ReplicaSetUpdated");
  assert.is(at("2026-01-01T00:10:01Z"), "ProgressDeadlineExceeded");
});

test.run();
