import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileModule } from "../modules/compile.ts";
import { wat } from "../testing/guests.ts";
import { Deadline } from "./deadline.ts";
import { KeptGuests } from "./kept-guests.ts";
import type { HostCall } from "./guest.ts";

const imports = `
  (import "wapc" "__guest_request" (func $guest_request (param i32 i32)))
  (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
  (import "wapc" "__guest_error" (func $guest_error (param i32 i32)))
  (import "wapc" "__console_log" (func $console_log (param i32 i32)))
  (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
  (import "wapc" "__host_response" (func $host_response (param i32)))
  (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
  (import "wapc" "__host_error" (func $host_error (param i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "poll_oneoff" (func $poll_unstable (param i32 i32 i32 i32) (result i32)))`;

type Options = { timeoutMs?: number; hostCall?: HostCall; payload?: string };

/** Runs a guest with the given parts of a module, fresh and then taken back to its start, and says what came of it. */
async function run(parts: string, { timeoutMs = 2000, hostCall, payload = "" }: Options = {}) {
  const { module } = await compileModule(
    await wat(`(module ${imports} (memory (export "memory") 1) ${parts})`),
    { serverVersion: "1.36.0" },
  );
  const guests = new KeptGuests({ maxBytes: 1 << 24 });
  const once = () => {
    const printed: string[] = [];
    const outcome = guests.call({ digest: "d", mode: "kubewarden-wapc", module }, {
      operation: "validate",
      payload: new TextEncoder().encode(payload),
    }, {
      deadline: new Deadline(timeoutMs),
      hostCall: hostCall ?? (() => {
        throw new Error("no host");
      }),
      write: (text) => printed.push(text),
      retired: () => {},
    });
    guests.tidy(() => {});
    return {
      printed,
      outcome: outcome.kind === "answered" ? new TextDecoder().decode(outcome.bytes) : outcome,
    };
  };
  const first = once();
  if (typeof first.outcome === "string") { for (let again = 0; again < 2; again++) assert.equal(once(), first); }
  return first;
}

const call = (body: string) => `(func (export "__guest_call") (param i32 i32) (result i32) ${body})`;
const failed = (message: string, phase = "call") => ({ kind: "failed", phase, message });

test("guest: reads its request and answers", async () => {
  const body = `(call $guest_request (i32.const 0) (i32.const 100))
    (call $guest_response (i32.const 100) (local.get 1)) (i32.const 1)`;
  assert.is((await run(call(body), { payload: '{"a":"é"}' })).outcome, '{"a":"é"}');
});

test("guest: zero with an error is that error", async () => {
  const body = `(call $guest_error (i32.const 0) (i32.const 5)) (i32.const 0)`;
  assert.equal((await run(`(data (i32.const 0) "wrong") ${call(body)}`)).outcome, failed("wrong"));
});

test("guest: zero without an error, and one without an answer, have upstream's words", async () => {
  assert.equal((await run(call("(i32.const 0)"))).outcome, failed("No error message set for call failure"));
  assert.equal(
    (await run(call("(i32.const 1)"))).outcome,
    failed("No error message OR response set for call success"),
  );
});

test("guest: an answer that was set while starting does not count as the answer to a call", async () => {
  const start = `(func (export "wapc_init") (call $guest_response (i32.const 0) (i32.const 4)))`;
  const { outcome } = await run(`${start} ${call("(i32.const 1)")}`);
  assert.equal(outcome, failed("No error message OR response set for call success"));
});

test("guest: start functions run in order, and an exit with code 0 is no failure", async () => {
  const parts = `(global $n (mut i32) (i32.const 0))
    (func (export "wapc_init") (global.set $n (i32.add (global.get $n) (i32.const 1))))
    (func (export "_start") (global.set $n (i32.const 64)) (call $exit (i32.const 0)) (unreachable))
    ${
    call("(i32.store8 (i32.const 0) (global.get $n)) (call $guest_response (i32.const 0) (i32.const 1)) (i32.const 1)")
  }`;
  assert.is((await run(parts)).outcome, "A");
});

test("guest: an exit with another code fails the start", async () => {
  const { outcome } = await run(`(func (export "_start") (call $exit (i32.const 3))) ${call("(i32.const 1)")}`);
  assert.equal(outcome, failed("exit with exit code 3", "init"));
});

test("guest: a module without __guest_call fails the start", async () => {
  const { outcome } = await run("");
  assert.equal(outcome, failed("Guest call function (__guest_call) not exported by wasm module.", "init"));
});

test("guest: a pointer outside of memory ends the call", async () => {
  const { outcome } = await run(call(`(call $guest_response (i32.const -4) (i32.const 8)) (i32.const 1)`));
  assert.is((outcome as { kind: string }).kind, "failed");
});

const hostCallParts = `(data (i32.const 0) "bindingnamespaceoperationpayload")
  (func $ask (result i32)
    (call $host_call (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 9) (i32.const 16) (i32.const 9) (i32.const 25) (i32.const 7)))`;

test("guest: a host call reaches the host, and the guest reads its answer", async () => {
  const asked: string[] = [];
  const hostCall: HostCall = (binding, namespace, operation, payload) => {
    asked.push(binding, namespace, operation, new TextDecoder().decode(payload));
    return new TextEncoder().encode("answer");
  };
  const body = `(drop (call $ask)) (call $host_response (i32.const 100))
    (call $guest_response (i32.const 100) (call $host_response_len)) (i32.const 1)`;
  assert.is((await run(hostCallParts + call(body), { hostCall })).outcome, "answer");
  const once = ["binding", "namespace", "operation", "payload"];
  assert.equal(asked, [...once, ...once, ...once]);
});

test("guest: an error of the host is counted in UTF-8 bytes and arrives whole", async () => {
  const hostCall: HostCall = () => {
    throw new Error("réfusé ✗");
  };
  const body = `(if (call $ask) (then (unreachable))) (call $host_error (i32.const 100))
    (call $guest_error (i32.const 100) (call $host_error_len)) (i32.const 0)`;
  assert.equal((await run(hostCallParts + call(body), { hostCall })).outcome, failed("réfusé ✗"));
});

test("guest: what it prints arrives, and each write says how much it took", async () => {
  const body = `(call $console_log (i32.const 0) (i32.const 3))
    (i32.store (i32.const 64) (i32.const 0)) (i32.store (i32.const 68) (i32.const 3))
    (if (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 80)) (then (unreachable)))
    (call $guest_response (i32.const 80) (i32.const 4)) (i32.const 1)`;
  const { outcome, printed } = await run(`(data (i32.const 0) "abc") ${call(body)}`);
  assert.is(outcome, "\u0003\0\0\0");
  assert.equal(printed, ["abc", "abc"]);
});

test("guest: a write of absurdly many vectors is refused", async () => {
  const body = `(if (i32.ne (call $fd_write (i32.const 1) (i32.const 0) (i32.const 8000) (i32.const 80)) (i32.const 28))
    (then (unreachable))) (call $guest_response (i32.const 0) (i32.const 0)) (i32.const 1)`;
  assert.is((await run(call(body))).outcome, "");
});

for (const [name, timeoutAt] of [["poll", 24], ["poll_unstable", 32]] as const) {
  test(`guest: ${name} sleeps as long as asked`, async () => {
    const body = `(i64.store (i32.const ${timeoutAt}) (i64.const 30000000))
      (if (call $${name} (i32.const 0) (i32.const 200) (i32.const 1) (i32.const 300)) (then (unreachable)))
      (call $guest_response (i32.const 300) (i32.const 4)) (i32.const 1)`;
    const started = performance.now();
    assert.is((await run(call(body))).outcome, "\u0001\0\0\0");
    assert.ok(performance.now() - started >= 29);
  });
}

test("guest: a sleep ends at the deadline", async () => {
  const body = `(i64.store (i32.const 24) (i64.const 60000000000))
    (drop (call $poll (i32.const 0) (i32.const 200) (i32.const 1) (i32.const 300))) (i32.const 1)`;
  assert.equal((await run(call(body), { timeoutMs: 30 })).outcome, { kind: "timed-out" });
});

test("guest: one that catches everything cannot catch its deadline", async () => {
  const body = `(loop $again (try (do (loop $spin (br $spin))) (catch_all)) (br $again)) (i32.const 1)`;
  assert.equal((await run(call(body), { timeoutMs: 30 })).outcome, { kind: "timed-out" });
});

test("guest: filling all memory again and again does not hide the time from it", async () => {
  const grow = `(drop (memory.grow (i32.const 1000)))`;
  const body =
    `${grow} (loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 65600000)) (br $again)) (i32.const 1)`;
  const started = performance.now();
  assert.equal((await run(call(body), { timeoutMs: 30 })).outcome, { kind: "timed-out" });
  assert.ok(performance.now() - started < 5000);
});

test("guest: asking the host for the same thing without end stops at the deadline", async () => {
  const body = `(loop $again (call $guest_request (i32.const 0) (i32.const 100)) (br $again)) (i32.const 1)`;
  const started = performance.now();
  assert.equal((await run(call(body), { timeoutMs: 30, payload: "x".repeat(60_000) })).outcome, { kind: "timed-out" });
  assert.ok(performance.now() - started < 2000);
});

test.run();
