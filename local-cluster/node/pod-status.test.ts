import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ContainerState, Pod } from "../workloads/pod.ts";
import { unschedulableReason } from "./fit.ts";
import { type ContainerFacts, podStatusFor } from "./pod-status.ts";
import { freshProbe, probePort, stepProbe } from "./probe-state.ts";
import { restartDelayMs, shouldRestart } from "./restart.ts";

const pod = (restartPolicy = "Always", metadata: object = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", ...metadata },
  spec: { containers: [], restartPolicy },
});
const container = (state: ContainerState, ready = false): ContainerFacts => ({
  name: "c",
  image: "i",
  imageID: "",
  ready,
  started: ready,
  restartCount: 0,
  state,
  lastState: {},
});
const ended = (exitCode: number): ContainerState => ({
  terminated: { exitCode, reason: "x", startedAt: "t", finishedAt: "t", containerID: "c" },
});
const running = { running: { startedAt: "t" } };

const rows: [string, Pod, ContainerFacts[], string, string][] = [
  [
    "a pod whose image cannot be pulled",
    pod(),
    [container({ waiting: { reason: "ErrImagePull" } })],
    "Pending",
    "False",
  ],
  ["a running pod that is not ready", pod(), [container(running)], "Running", "False"],
  ["a running pod that is ready", pod(), [container(running, true)], "Running", "True"],
  ["one container of two is not ready", pod(), [container(running, true), container(running)], "Running", "False"],
  ["a crashed container that will be restarted", pod(), [container(ended(1))], "Running", "False"],
  ["a container that ended well", pod("OnFailure"), [container(ended(0))], "Succeeded", "False"],
  ["a container that failed for good", pod("Never"), [container(ended(3))], "Failed", "False"],
  [
    "a stopped pod that is being deleted",
    pod("Always", { deletionTimestamp: "t" }),
    [container(ended(143))],
    "Failed",
    "False",
  ],
];

for (const [name, given, containers, phase, ready] of rows) {
  test(`pod status: ${name} is ${phase}`, () => {
    const now = new Date("2026-01-01T00:00:00Z");
    const status = podStatusFor({
      pod: given,
      containers,
      podIP: "127.1.1.1",
      hostIP: "127.1.255.1",
      startTime: "s",
      now,
    });
    assert.is(status.phase, phase);
    assert.is(status.conditions?.find((each) => each.type === "Ready")?.status, ready);
  });
}

test("pod status: an unchanged condition keeps its transition time", () => {
  const facts = { containers: [container(running, true)], podIP: "1", hostIP: "2", startTime: "s" };
  const first = podStatusFor({ ...facts, pod: pod(), now: new Date("2026-01-01T00:00:00Z") });
  const second = podStatusFor({ ...facts, pod: { ...pod(), status: first }, now: new Date("2026-01-01T00:00:09Z") });
  assert.equal(second, first);
});

test("probes: a verdict needs its threshold of equal answers in a row", () => {
  const probe = { failureThreshold: 2 };
  const once = stepProbe(probe, freshProbe, true);
  assert.is(once.established, true);
  const failedOnce = stepProbe(probe, once, false);
  assert.is(failedOnce.established, true);
  assert.is(stepProbe(probe, failedOnce, false).established, false);
  assert.is(stepProbe(probe, stepProbe(probe, failedOnce, true), false).established, true);
});

test("probes: a named port is looked up among the container's ports", () => {
  assert.is(probePort("http", [{ name: "http", containerPort: 8081 }]), 8081);
  assert.is(probePort("none", []), undefined);
});

test("restarts: follow the policy, with growing pauses", () => {
  assert.equal([0, 1, 2, 3, 20].map(restartDelayMs), [0, 500, 1000, 2000, 15_000]);
  const decisions = [["Always", 0], ["OnFailure", 0], ["OnFailure", 1], ["Never", 1]] as const;
  assert.equal(decisions.map(([policy, code]) => shouldRestart(policy, code)), [true, false, true, false]);
});

test("scheduling: what the one node cannot offer is said", () => {
  const wants = (spec: object): Pod => ({ ...pod(), spec: { containers: [], ...spec } });
  assert.is(unschedulableReason(wants({ nodeSelector: { os: "linux" } }), { os: "linux" }), undefined);
  assert.match(unschedulableReason(wants({ nodeSelector: { gpu: "yes" } }), {}) ?? "", /didn't match/);
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } };
  assert.match(unschedulableReason(wants({ affinity }), {}) ?? "", /does not implement required podAntiAffinity/);
});

test.run();
