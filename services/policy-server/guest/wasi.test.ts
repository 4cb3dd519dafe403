import { test } from "uvu";
import * as assert from "uvu/assert";
import { wat } from "../testing/guests.ts";
import { guestRunner, type GuestRunOptions } from "../testing/run-guest.ts";

const metadata = { protocolVersion: "v1", rules: [], mutating: false };

/**
 * A waPC guest that calls functions of WASI under one of its names and answers with what `body` leaves from 2048 on:
 * `{"accepted":true,"message":"..."}` with `length` bytes of message.
 */
async function run(wasi: string, body: string, { imports = "", parts = "", ...options }: GuestRunOptions & {
  imports?: string;
  parts?: string;
} = {}) {
  const source = `(module
    (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
    (import "wapc" "__guest_error" (func $guest_error (param i32 i32)))
    (import "${wasi}" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
    (import "${wasi}" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
    (import "${wasi}" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
    (import "${wasi}" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
    (import "${wasi}" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "${wasi}" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "${wasi}" "random_get" (func $random_get (param i32 i32) (result i32)))
    (import "${wasi}" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
    (import "${wasi}" "clock_res_get" (func $clock_res_get (param i32 i32) (result i32)))
    (import "${wasi}" "sched_yield" (func $sched_yield (result i32)))
    (import "${wasi}" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
    (import "${wasi}" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
    (import "${wasi}" "proc_raise" (func $proc_raise (param i32) (result i32)))
    (import "${wasi}" "sock_shutdown" (func $sock_shutdown (param i32 i32) (result i32)))
    (import "${wasi}" "proc_exit" (func $exit (param i32)))
    ${imports}
    (memory (export "memory") 1)
    (data (i32.const 64) "{\\"accepted\\":true}") (data (i32.const 128) "wrong")
    (func $must (param i32) (if (i32.eqz (local.get 0)) (then (unreachable))))
    ${parts}
    (func (export "__guest_call") (param i32 i32) (result i32)
      ${body}
      (call $guest_response (i32.const 64) (i32.const 17)) (i32.const 1)))`;
  const guest = await guestRunner(await wat(source, metadata), options);
  const runs = [1, 2].map(() => guest.validate({}));
  assert.equal(runs[1], runs[0]);
  return (runs[0] as (typeof runs)[number]).outcome;
}
const accepted = { kind: "validated", answer: { accepted: true } };
const is = (call: string, expected: number) => `(call $must (i32.eq ${call} (i32.const ${expected})))`;
const spipe = 70, badf = 8, notsup = 58, inval = 28;

for (const [wasi, statBytes] of [["wasi_snapshot_preview1", 64], ["wasi_unstable", 56]] as const) {
  test(`${wasi}: a stream cannot be sought in, from wherever it is counted`, async () => {
    const calls = [0, 1, 2].map((whence) =>
      is(`(call $fd_seek (i32.const 1) (i64.const 0) (i32.const ${whence}) (i32.const 2048))`, spipe)
    );
    const closed = is(`(call $fd_seek (i32.const 9) (i64.const 0) (i32.const 0) (i32.const 2048))`, badf);
    assert.equal(await run(wasi, calls.join("") + closed), accepted);
  });

  test(`${wasi}: the state of a stream has ${statBytes} bytes and says that it is a character device`, async () => {
    const body = `(memory.fill (i32.const 2048) (i32.const 255) (i32.const 128))
      ${is("(call $fd_filestat_get (i32.const 1) (i32.const 2048))", 0)}
      ${is("(i32.load8_u (i32.const 2064))", 2)}
      ${is(`(i32.load8_u (i32.const ${2048 + statBytes - 1}))`, 0)}
      ${is(`(i32.load8_u (i32.const ${2048 + statBytes}))`, 255)}
      ${is("(call $fd_filestat_get (i32.const 7) (i32.const 2048))", badf)}
      ${is("(call $fd_fdstat_get (i32.const 0) (i32.const 2048))", 0)} ${is("(i32.load8_u (i32.const 2048))", 2)}`;
    assert.equal(await run(wasi, body), accepted);
  });

  test(`${wasi}: there are no files, arguments, variables, signals or sockets, and input is at its end`, async () => {
    const body = `${is("(call $fd_prestat_get (i32.const 3) (i32.const 2048))", badf)}
      ${
      is(
        "(call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 4) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 2048))",
        badf,
      )
    }
      ${is("(call $environ_sizes_get (i32.const 2048) (i32.const 2052))", 0)} ${is("(i32.load (i32.const 2048))", 0)}
      ${is("(call $args_sizes_get (i32.const 2048) (i32.const 2052))", 0)} ${is("(i32.load (i32.const 2048))", 0)}
      ${is("(call $proc_raise (i32.const 9))", notsup)} ${
      is("(call $sock_shutdown (i32.const 1) (i32.const 0))", notsup)
    }
      (i32.store (i32.const 2048) (i32.const 3000)) (i32.store (i32.const 2052) (i32.const 10))
      ${is("(call $fd_read (i32.const 0) (i32.const 2048) (i32.const 1) (i32.const 2056))", 0)}
      ${is("(i32.load (i32.const 2056))", 0)}
      ${is("(call $fd_read (i32.const 0) (i32.const 2048) (i32.const 9999) (i32.const 2056))", inval)}`;
    assert.equal(await run(wasi, body), accepted);
  });

  test(`${wasi}: clocks and random bytes are real`, async () => {
    const body = `${is("(call $random_get (i32.const 2048) (i32.const 16))", 0)}
      (call $must (i64.ne (i64.load (i32.const 2048)) (i64.load (i32.const 2056))))
      ${is("(call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 2048))", 0)}
      (call $must (i64.gt_u (i64.load (i32.const 2048)) (i64.const 1700000000000000000)))
      ${is("(call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 2048))", 0)}
      ${is("(call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 2056))", 0)}
      (call $must (i64.ge_u (i64.load (i32.const 2056)) (i64.load (i32.const 2048))))
      ${is("(call $clock_res_get (i32.const 1) (i32.const 2048))", 0)} ${is("(call $sched_yield)", 0)}`;
    assert.equal(await run(wasi, body), accepted);
  });

  test(`${wasi}: random bytes for what is not in memory end the call`, async () => {
    const outcome = await run(wasi, "(drop (call $random_get (i32.const -4) (i32.const 16)))");
    assert.is(outcome.kind, "failed");
  });

  test(`${wasi}: an exit cannot be caught by a guest that catches everything`, async () => {
    const outcome = await run(wasi, "(try (do (call $exit (i32.const 7))) (catch_all))");
    assert.equal(outcome, { kind: "failed", phase: "call", message: "exit with exit code 7" });
  });
}

const start = (name: string, body: string) => `(global $n (mut i32) (i32.const 0)) (func (export "${name}") ${body})`;
const counted = `(global.set $n (i32.add (global.get $n) (i32.const 1)))`;

test("wapc: a reactor is made ready by `_initialize`, each evaluation anew", async () => {
  const body = is("(global.get $n)", 1);
  assert.equal(await run("wasi_unstable", body, { parts: start("_initialize", counted) }), accepted);
});

test("wapc: where there is a `_start`, `_initialize` is not called", async () => {
  const parts = start("_start", counted) + `(func (export "_initialize") (unreachable))`;
  assert.equal(await run("wasi_unstable", is("(global.get $n)", 1), { parts }), accepted);
});

for (const name of ["_start", "_initialize", "wapc_init"]) {
  test(`wapc: a trap in ${name}, and an exit with 3, fail the start; a loop is stopped`, async () => {
    const trapped = await run("wasi_unstable", "", { parts: start(name, "(unreachable)") });
    assert.equal([trapped.kind, (trapped as { phase: string }).phase], ["failed", "init"]);
    const exited = await run("wasi_unstable", "", { parts: start(name, "(call $exit (i32.const 3))") });
    assert.equal(exited, { kind: "failed", phase: "init", message: "exit with exit code 3" });
    const parts = start(name, "(loop $again (br $again))");
    assert.equal(await run("wasi_unstable", "", { parts, timeoutMs: 40 }), { kind: "timed-out" });
  });
}

test("wapc: a start section that traps fails the start, one that loops is stopped", async () => {
  const trapped = await run("wasi_unstable", "", { parts: "(func $s (unreachable)) (start $s)" });
  assert.equal([trapped.kind, (trapped as { phase: string }).phase], ["failed", "init"]);
  const looped = await run("wasi_unstable", "", {
    parts: "(func $s (loop $again (br $again))) (start $s)",
    timeoutMs: 40,
  });
  assert.ok(["failed", "timed-out"].includes(looped.kind));
});

const hostCall = `(import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
  (import "wapc" "__host_response" (func $host_response (param i32)))
  (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
  (import "wapc" "__host_error" (func $host_error (param i32)))`;
const ask =
  `(call $host_call (i32.const 64) (i32.const 3) (i32.const 64) (i32.const 3) (i32.const 64) (i32.const 3) (i32.const 64) (i32.const 3))`;

test("wapc: an answer of the host of megabytes arrives in memory that grew for it", async () => {
  const bytes = 5_000_000;
  const body = `(drop ${ask}) ${is("(call $host_response_len)", bytes)} (drop (memory.grow (i32.const 100)))
    (call $host_response (i32.const 65536)) ${is(`(i32.load8_u (i32.const ${65536 + bytes - 1}))`, 7)}
    ${is(`(i32.load8_u (i32.const ${65536 + bytes}))`, 0)} ${is("(call $host_error_len)", 0)}`;
  const answer = () => new Uint8Array(bytes).fill(7);
  assert.equal(await run("wasi_unstable", body, { imports: hostCall, hostCall: answer }), accepted);
});

test("wapc: each host call forgets what the one before it said", async () => {
  let count = 0;
  const body = `${is(ask, 1)} ${is("(call $host_response_len)", 2)} ${is("(call $host_error_len)", 0)}
    ${is(ask, 0)} ${is("(call $host_response_len)", 0)} ${is("(call $host_error_len)", 3)}
    (call $host_error (i32.const 2048)) ${is("(i32.load8_u (i32.const 2048))", 0xe2)}`;
  const answer = () => {
    if (count++ % 2 === 1) throw new Error("✗");
    return new Uint8Array(2);
  };
  assert.equal(await run("wasi_unstable", body, { imports: hostCall, hostCall: answer }), accepted);
});

test("wapc: a host call by names that are no text, and an error that is no text, end the call", async () => {
  const parts = '(data (i32.const 200) "\\ff\\fe")';
  const named = `(drop (call $host_call (i32.const 200) (i32.const 2) (i32.const 64) (i32.const 3) (i32.const 64)
    (i32.const 3) (i32.const 64) (i32.const 3)))`;
  let asked = 0;
  const options = { imports: hostCall, parts, hostCall: () => new Uint8Array(asked++) };
  assert.is((await run("wasi_unstable", named, options)).kind, "failed");
  assert.is(asked, 0);
  const outcome = await run("wasi_unstable", "(call $guest_error (i32.const 200) (i32.const 2))", { parts });
  assert.is(outcome.kind, "failed");
});

test.run();
