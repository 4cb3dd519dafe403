/** From a status write to its Event: what the carrier tells, and what the recorder makes of it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { createCarrier } from "./carry-out.ts";
import { EventRecorder } from "./event-recorder.ts";
import { silentLog } from "../telemetry/log.ts";
import { nothingToDo } from "./plan.ts";
import { transitionsOf } from "./status-transitions.ts";
import { failure, MemoryKube } from "../testing/memory-kube.ts";
import { root, rootKind } from "../testing/running-controller.ts";

const signal = new AbortController().signal;
const now = new Date("2026-01-01T00:00:00Z");

/** A root object and what a carrier with a recorder does to its status; a new one knows nothing of former writes. */
async function stage() {
  const kube = new MemoryKube();
  const { metadata: { uid = "" } } = await kube.create(root());
  const start = () => {
    const events = new EventRecorder({ kube, log: silentLog, signal, component: "certs", instance: "certs-1" });
    const carrier = createCarrier({
      kube,
      fieldManager: "certs",
      lookup: ({ kind }) => ({ object: objects().find((each) => each.kind === kind), complete: true }),
      signal,
      onStatus: (target, before, after) =>
        events.record(target, transitionsOf(before, after), after.metadata.resourceVersion ?? ""),
    });
    return async (status: "True" | "False", reason: string) => {
      const conditions = [{ type: "CertSecretReconciled", status, reason, message: "words" }];
      const target = { ...rootKind, name: "main", uid };
      await carrier.carryOut({ ...nothingToDo, status: [{ target, conditions }] }, now);
      await events.whenTold();
    };
  };
  const objects = () => [...kube.objects.values()];
  const told = () =>
    objects().filter(({ kind }) => kind === "Event").map(({ reason, count }: KubeObject) => [reason, count]);
  return { kube, start, told };
}

test("events: one for each change that was written, none for words alone, none for what is said again", async () => {
  const { start, told } = await stage();
  const say = start();
  await say("False", "ReconciliationFailed");
  await say("False", "ReconciliationFailed");
  await say("True", "ReconciliationSucceeded");
  assert.equal(told(), [["ReconciliationFailed", 1], ["ReconciliationSucceeded", 1]]);
});

test("events: a write that failed tells nothing, its repetition tells once", async () => {
  const { kube, start, told } = await stage();
  const say = start();
  let conflicts = 2;
  kube.intercept = (verb) => {
    if (verb === "apply status" && conflicts-- > 0) throw failure("KUBE_CONFLICT");
  };
  for (let attempt = 0; attempt < 2; attempt++) {
    const outcome = await say("True", "ReconciliationSucceeded").then(() => "written", ({ code }) => code);
    assert.is(outcome, "KUBE_CONFLICT");
  }
  assert.equal(told(), []);
  await say("True", "ReconciliationSucceeded");
  assert.equal(told(), [["ReconciliationSucceeded", 1]]);
});

test("events: a process that starts again tells nothing of what stands", async () => {
  const { start, told } = await stage();
  await start()("True", "ReconciliationSucceeded");
  await start()("True", "ReconciliationSucceeded");
  assert.equal(told(), [["ReconciliationSucceeded", 1]]);
});

test("events: a recorder that can write nothing holds up no status", async () => {
  const { kube, start, told } = await stage();
  kube.intercept = (verb) => {
    if (verb === "create") throw failure("KUBE_FORBIDDEN");
  };
  await start()("True", "ReconciliationSucceeded");
  assert.equal(told(), []);
  const [object] = [...kube.objects.values()];
  assert.is((object?.status as { conditions: { status: string }[] }).conditions[0]?.status, "True");
});

test.run();
