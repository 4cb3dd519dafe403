import { test } from "uvu";
import * as assert from "uvu/assert";
import { startGuestPool } from "../testing/guest-pool.ts";
import { runnableOf, wat } from "../testing/guests.ts";
import type { WorkerEvents } from "./guest-thread.ts";
import type { GuestPool, PoolOptions } from "./pool.ts";
import type { PoolObserver } from "./pool-observer.ts";
import type { HostReply } from "./protocol.ts";
import { spawnGuestWorker } from "./spawn.ts";

const never = new AbortController().signal;
const pools: GuestPool[] = [];

async function pool(options: Partial<PoolOptions> = {}): Promise<GuestPool> {
  const started = await startGuestPool(options);
  pools.push(started);
  return started;
}

test.after(() => pools.forEach((each) => each.close()));

const validate = (request: unknown, settings = "{}") => ({
  operation: "validate" as const,
  original: "object" as const,
  payload: new TextEncoder().encode(`{"request":${JSON.stringify(request)},"settings":${settings}}`),
});
const accepted = { kind: "validated", answer: { accepted: true } };

test("pool: runs a policy and computes its patch in the sandbox", async () => {
  const labels = await runnableOf("add-labels/policy");
  const task = validate({ object: { metadata: { labels: { a: "1" } } } }, '{"labels":{"b":"2"}}');
  assert.equal(await (await pool()).run(labels, task, never), {
    kind: "validated",
    answer: {
      accepted: true,
      mutation: { kind: "patch", patch: '[{"op":"add","path":"/metadata/labels/b","value":"2"}]' },
    },
  });
});

test("pool: no state passes from one evaluation to the next", async () => {
  const remembers = await runnableOf("hostile/remembers");
  const { run } = await pool();
  for (let count = 0; count < 3; count++) assert.equal(await run(remembers, validate({}), never), accepted);
});

test("pool: a guest that never returns is stopped, and the next task is answered", async () => {
  const loop = await runnableOf("hostile/endless-loop", { timeoutMs: 100 });
  const fine = await runnableOf("hostile/remembers");
  const { run } = await pool();
  const [first, second] = await Promise.all([run(loop, validate({}), never), run(fine, validate({}), never)]);
  assert.equal(first, { kind: "timed-out" });
  assert.equal(second, accepted);
});

test("pool: other workers notice nothing of one that spins", async () => {
  const loop = await runnableOf("hostile/endless-loop", { timeoutMs: 3_600_000 });
  const fine = await runnableOf("hostile/remembers");
  const { run } = await pool({ workers: 2 });
  void run(loop, validate({}), never);
  for (let count = 0; count < 5; count++) assert.equal(await run(fine, validate({}), never), accepted);
});

test("pool: once a policy ran into its deadline it cannot hold up the others, even on a single worker", async () => {
  const brief = await runnableOf("hostile/endless-loop", { timeoutMs: 50 });
  const fine = await runnableOf("hostile/remembers");
  const { run } = await pool();
  assert.equal(await run(brief, validate({}), never), { kind: "timed-out" });
  const gone = new AbortController();
  const flood = Array.from({ length: 5 }, () => run({ ...brief, timeoutMs: 3_600_000 }, validate({}), gone.signal));
  for (let count = 0; count < 3; count++) assert.equal(await run(fine, validate({}), never), accepted);
  gone.abort();
  await Promise.allSettled(flood);
});

test("pool: a full queue refuses, at half of it for one policy, and takes tasks again when it has room", async () => {
  const seen: string[] = [];
  const observer: PoolObserver = {
    dispatched: (policy, waitedMs) => seen.push(`dispatched ${policy} ${waitedMs >= 0}`),
    waiting: () => {},
    shed: (policy) => seen.push(`shed ${policy}`),
    threadReplaced: (reason) => seen.push(`replaced ${reason}`),
    guestMemory: (policy, bytes) => seen.push(`memory ${policy} ${bytes}`),
  };
  const loop = await runnableOf("hostile/endless-loop", { timeoutMs: 3_600_000 });
  const fine = await runnableOf("hostile/remembers");
  const { run } = await pool({ maxWaiting: 4, observer });
  const gone = new AbortController();
  const task = (policy: string) => run({ ...loop, policy }, validate({}), gone.signal);
  const codeOf = (error: unknown) => (error as { code?: string }).code;
  const running = task("a");
  const waiting = [task("a"), task("a")];
  assert.is(await task("a").catch(codeOf), "OVERLOADED", "half of the places are for the others");
  waiting.push(task("b"), task("b"));
  assert.is(await task("c").catch(codeOf), "OVERLOADED", "the queue is full");
  gone.abort();
  await Promise.allSettled([running, ...waiting]);
  assert.equal(await run(fine, validate({}), never), accepted);
  assert.equal(seen, [
    "dispatched a true",
    "shed a",
    "shed c",
    "memory a 131072",
    "dispatched hostile/remembers true",
    "memory hostile/remembers 131072",
  ]);
});

test("pool: threads are added when there is work for them", async () => {
  let threads = 0;
  const spawn = (events: WorkerEvents) => (threads++, spawnGuestWorker(events));
  const loop = await runnableOf("hostile/endless-loop", { timeoutMs: 3_600_000 });
  const { run } = await pool({ workers: 5, spawn });
  assert.is(threads, 3);
  const gone = new AbortController();
  const flood = Array.from({ length: 4 }, () => run(loop, validate({}), gone.signal));
  assert.equal(await run(await runnableOf("hostile/remembers"), validate({}), never), accepted);
  assert.ok(threads > 3 && threads <= 6);
  gone.abort();
  await Promise.allSettled(flood);
});

test("pool: a thread that does not come back at its deadline is replaced", async () => {
  let deaf = 0;
  // The first two threads say they are ready, and then nothing more.
  const spawn = (events: WorkerEvents) => {
    if (deaf++ >= 2) return spawnGuestWorker(events);
    queueMicrotask(() => events.message({ type: "ready" }));
    return { post: () => {}, terminate: () => {} };
  };
  const fine = await runnableOf("hostile/remembers", { timeoutMs: 50 });
  const { run } = await pool({ spawn });
  assert.equal(await run(fine, validate({}), never), { kind: "timed-out" });
  assert.equal(await run(fine, validate({}), never), { kind: "timed-out" });
  assert.equal(await run(await runnableOf("hostile/remembers"), validate({}), never), accepted);
});

test("pool: a thread that fails under a task answers it and is replaced", async () => {
  let count = 0;
  const spawn = (events: WorkerEvents) => {
    if (count++ >= 2) return spawnGuestWorker(events);
    queueMicrotask(() => events.message({ type: "ready" }));
    const post = ({ type }: { type: string }) => type === "task" && events.failed(new Error("out of memory"));
    return { post, terminate: () => {} };
  };
  const fine = await runnableOf("hostile/remembers");
  const { run } = await pool({ spawn });
  const failure = { kind: "failed", phase: "call", message: "the sandbox failed: out of memory" };
  assert.equal(await run(fine, validate({}), never), failure);
  assert.equal(await run(fine, validate({}), never), failure);
  assert.equal(await run(fine, validate({}), never), accepted);
});

test("pool: if no thread can be started, neither can the pool", async () => {
  const spawn = (events: WorkerEvents) => {
    queueMicrotask(() => events.failed(new Error("no such file")));
    return { post: () => {}, terminate: () => {} };
  };
  try {
    await pool({ spawn });
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, "GUEST_FAILED");
  }
});

test("pool: a task whose signal is aborted while it waits is never run", async () => {
  const loop = await runnableOf("hostile/endless-loop", { timeoutMs: 200 });
  const { run } = await pool();
  const running = run(loop, validate({}), never);
  const gone = new AbortController();
  const waiting = run(loop, validate({}), gone.signal).catch((error) => (error as Error).message);
  gone.abort(new Error("client left"));
  assert.is(await waiting, "client left");
  assert.equal(await running, { kind: "timed-out" });
});

test("pool: a running task whose signal is aborted stops, and the thread is free again", async () => {
  const loop = await runnableOf("hostile/endless-loop", { timeoutMs: 3_600_000 });
  const { run } = await pool();
  const gone = new AbortController();
  const running = run(loop, validate({}), gone.signal).catch((error) => (error as Error).message);
  const waiting = run(await runnableOf("hostile/remembers"), validate({}), never);
  gone.abort(new Error("client left"));
  assert.is(await running, "client left");
  assert.equal(await waiting, accepted);
});

/** Asks the host once and answers `validate` with what it hears: an error text becomes the guest's error. */
const asker = await wat(`(module
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (import "wapc" "__guest_error" (func $guest_error (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $response_len (result i32)))
  (import "wapc" "__host_response" (func $response (param i32)))
  (import "wapc" "__host_error_len" (func $error_len (result i32)))
  (import "wapc" "__host_error" (func $error (param i32)))
  (memory (export "memory") 20) (data (i32.const 0) "kubewardenabc")
  (func (export "__guest_call") (param i32 i32) (result i32)
    (if (call $host_call (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 1) (i32.const 11) (i32.const 1) (i32.const 12) (i32.const 1))
      (then (call $response (i32.const 100)) (call $guest_response (i32.const 100) (call $response_len)) (return (i32.const 1))))
    (call $error (i32.const 100)) (call $guest_error (i32.const 100) (call $error_len)) (i32.const 0)))`);

test("pool: a host call is answered, also by more bytes than the channel had room for", async () => {
  const warning = "é".repeat(100_000);
  const { run } = await pool({
    answerHostCall: async (request, { policy }) => {
      assert.equal([policy, request.binding, request.namespace, request.operation], ["test", "kubewarden", "a", "b"]);
      return { ok: true, bytes: new TextEncoder().encode(JSON.stringify({ accepted: true, warnings: [warning] })) };
    },
  });
  assert.equal(await run(await runnableOf(asker), validate({}), never), {
    kind: "validated",
    answer: { accepted: true, warnings: [warning] },
  });
});

test("pool: a refused host call is an error text for the guest", async () => {
  const { run } = await pool({ answerHostCall: () => Promise.reject(new Error("nö")) });
  assert.equal(await run(await runnableOf(asker), validate({}), never), {
    kind: "failed",
    phase: "call",
    message: "Callback evaluation failure: nö",
  });
});

test("pool: a host call that takes too long ends the task, and its late answer reaches nobody", async () => {
  const late = Promise.withResolvers<HostReply>();
  let calls = 0;
  let stopped: AbortSignal | undefined;
  const { run } = await pool({
    answerHostCall: async (_request, _runnable, signal) => {
      if (calls++ > 0) {
        late.resolve({ ok: false, message: "late" });
        await late.promise;
        return { ok: true, bytes: new TextEncoder().encode('{"accepted":true}') };
      }
      stopped = signal;
      return await late.promise;
    },
  });
  // Enough for a busy machine to come to the call, which then takes all that is left.
  assert.equal(await run(await runnableOf(asker, { timeoutMs: 2_000 }), validate({}), never), { kind: "timed-out" });
  assert.ok(stopped?.aborted);
  assert.equal(await run(await runnableOf(asker), validate({}), never), accepted);
});

test.run();
