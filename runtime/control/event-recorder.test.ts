import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { EventRecorder } from "./event-recorder.ts";
import { silentLog } from "../telemetry/log.ts";
import type { Transition } from "./status-transitions.ts";
import { failure, MemoryKube } from "../testing/memory-kube.ts";

const policy = { apiVersion: "policies.kubewarden.io/v1", kind: "ClusterAdmissionPolicy", name: "p", uid: "u1" };
const change = (reason: string, message = reason): Transition => ({
  type: "Normal",
  action: "PolicyActive",
  reason,
  message,
});

function recorder(options: { rate?: { burst: number; refillMs: number } } = {}) {
  const kube = new MemoryKube();
  const clock = { ms: Date.parse("2026-01-01T00:00:00Z") };
  const events = new EventRecorder({
    kube,
    log: silentLog,
    signal: new AbortController().signal,
    component: "reconciler",
    instance: "reconciler-1",
    now: () => new Date(clock.ms),
    ...options,
  });
  const written = () => [...kube.objects.values()].filter(({ kind }) => kind === "Event") as Written[];
  const told = async () => {
    await events.whenTold();
    return written();
  };
  return { kube, clock, events, told };
}
type Written = KubeObject & { reason: string; message: string; count: number; lastTimestamp: string };

test("events: one of a cluster-wide object stands in the namespace default and says who reports", async () => {
  const { events, told } = recorder();
  events.record(policy, [change("PolicyActive", "The API server sends requests")], "7");
  const [event] = await told();
  const { metadata: { name, namespace }, ...rest } = event!;
  assert.match(name, /^p\.[0-9a-f]{16}$/);
  assert.is(namespace, "default");
  assert.equal({ ...rest, metadata: undefined }, {
    apiVersion: "v1",
    kind: "Event",
    metadata: undefined,
    involvedObject: {
      apiVersion: policy.apiVersion,
      kind: policy.kind,
      name: "p",
      uid: "u1",
      resourceVersion: "7",
    },
    type: "Normal",
    action: "PolicyActive",
    reason: "PolicyActive",
    message: "The API server sends requests",
    count: 1,
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T00:00:00Z",
    source: { component: "reconciler" },
    reportingComponent: "reconciler",
    reportingInstance: "reconciler-1",
  });
});

test("events: one of a namespaced object stands in its namespace, and its name and message fit", async () => {
  const { events, told } = recorder();
  const name = `${"a".repeat(235)}-${"b".repeat(17)}`;
  events.record({ ...policy, kind: "AdmissionPolicy", namespace: "team", name }, [change("R", "x".repeat(5000))], "7");
  const [event] = await told();
  assert.is(event?.metadata.namespace, "team");
  assert.match(event?.metadata.name ?? "", /^a+\.[0-9a-f]{16}$/);
  assert.is(event?.message.length, 1000);
});

test("events: the same change again counts up with its newest words, after ten minutes it is a new one", async () => {
  const { events, clock, told } = recorder();
  events.record(policy, [change("A", "old words")], "7");
  clock.ms += 60_000;
  events.record(policy, [change("A", "new words"), change("B")], "8");
  assert.equal((await told()).map(({ reason, count }) => `${reason} ${count}`), ["A 2", "B 1"]);
  assert.is((await told())[0]?.message, "new words");
  assert.is((await told())[0]?.lastTimestamp, "2026-01-01T00:01:00Z");
  clock.ms += 600_000;
  events.record(policy, [change("A")], "9");
  assert.equal((await told()).map(({ reason, count }) => `${reason} ${count}`), ["A 2", "B 1", "A 1"]);
});

test("events: a repeated one that the API server forgot is written anew with its count", async () => {
  const { events, kube, told } = recorder();
  events.record(policy, [change("A")], "7");
  await told();
  kube.objects.clear();
  events.record(policy, [change("A")], "8");
  assert.equal((await told()).map(({ count }) => count), [2]);
});

test("events: a burst of one object is cut, others are not held up, and time brings them back", async () => {
  const { events, clock, told } = recorder({ rate: { burst: 2, refillMs: 1000 } });
  events.record(policy, ["A", "B", "C"].map((each) => change(each)), "7");
  events.record({ ...policy, name: "q", uid: "u2" }, [change("D")], "7");
  assert.equal((await told()).map(({ reason }) => reason), ["A", "B", "D"]);
  clock.ms += 1000;
  events.record(policy, [change("E"), change("F")], "8");
  assert.equal((await told()).map(({ reason }) => reason), ["A", "B", "D", "E"]);
});

test("events: one that is refused is lost, and the next one is told", async () => {
  const { events, kube, told } = recorder();
  let refusals = 1;
  kube.intercept = (verb) => {
    if (verb === "create" && refusals-- > 0) throw failure("KUBE_FORBIDDEN");
  };
  events.record(policy, [change("A"), change("B")], "7");
  assert.equal((await told()).map(({ reason }) => reason), ["B"]);
});

test("events: the same write reported by two replicas of one controller is one event", async () => {
  const { events, kube, told } = recorder();
  events.record(policy, [change("A")], "7");
  await told();
  const other = new EventRecorder({
    kube,
    log: silentLog,
    signal: new AbortController().signal,
    component: "reconciler",
    instance: "reconciler-2",
  });
  other.record(policy, [change("A")], "7");
  await other.whenTold();
  assert.is((await told()).length, 1);
});

test.run();
