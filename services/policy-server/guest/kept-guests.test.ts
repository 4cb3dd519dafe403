import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileModule } from "../modules/compile.ts";
import { wat } from "../testing/guests.ts";
import { Deadline } from "./deadline.ts";
import { KeptGuests } from "./kept-guests.ts";

/**
 * Guests that try to remember an earlier evaluation, each in another place: `$seen` says whether they find something there
 * and leaves something. A kept guest must be as forgetful as a fresh one.
 */
const places: Record<string, { parts: string; kept: boolean }> = {
  "in its memory": {
    kept: true,
    parts: `(func $seen (result i32) (i32.load (i32.const 5000)) (i32.store (i32.const 5000) (i32.const 1)))`,
  },
  "in globals of every number type": {
    kept: true,
    parts: `(global $a (mut i32) (i32.const 0)) (global $b (mut i64) (i64.const 0)) (global $c (mut f32) (f32.const 0))
      (global $d (mut f64) (f64.const 0))
      (func $seen (result i32)
        (i32.or (i32.or (global.get $a) (i64.ne (global.get $b) (i64.const 0)))
          (i32.or (f32.ne (global.get $c) (f32.const 0)) (f64.ne (global.get $d) (f64.const 0))))
        (global.set $a (i32.const 1)) (global.set $b (i64.const -9007199254740993)) (global.set $c (f32.const 0.5))
        (global.set $d (f64.const 1e300)))`,
  },
  "in a global it exports": {
    kept: true,
    parts: `(global $a (export "counter") (mut i32) (i32.const 0))
      (func $seen (result i32) (global.get $a) (global.set $a (i32.const 1)))`,
  },
  "in the size of its memory": {
    kept: true,
    parts: `(func $seen (result i32) (i32.ne (memory.size) (i32.const 1)) (drop (memory.grow (i32.const 3))))`,
  },
  "in memory that it grew": {
    kept: true,
    parts: `(func $seen (result i32) (local $at i32)
      (local.set $at (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
      (i32.load (local.get $at)) (i32.store (local.get $at) (i32.const 1)))`,
  },
  "in a table": {
    kept: false,
    parts: `(table $t 2 funcref) (elem declare func $seen)
      (func $seen (result i32) (i32.eqz (ref.is_null (table.get $t (i32.const 1))))
        (table.set $t (i32.const 1) (ref.func $seen)))`,
  },
  "in a dropped segment": {
    kept: false,
    parts: `(data $d "x") (global $unused (mut i32) (i32.const 0))
      (func $seen (result i32)
        (memory.init $d (i32.const 6000) (i32.const 0) (i32.const 1)) (data.drop $d) (i32.const 0))`,
  },
  "in a stream it closed": {
    kept: true,
    parts: `(func $seen (result i32) (i32.ne (call $close (i32.const 1)) (i32.const 0)))`,
  },
  "in a global its start function set": {
    kept: true,
    parts: `(global $a (mut i32) (i32.const 0))
      (func (export "_start") (if (global.get $a) (then unreachable)) (global.set $a (i32.const 1)))
      (func $seen (result i32) (i32.ne (global.get $a) (i32.const 1)))`,
  },
};

const module = (parts: string) =>
  wat(`(module
    (import "wapc" "__guest_response" (func $respond (param i32 i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "seennew ")
    ${parts}
    (func (export "__guest_call") (param i32 i32) (result i32)
      (if (call $seen) (then (call $respond (i32.const 100) (i32.const 4)))
        (else (call $respond (i32.const 104) (i32.const 4))))
      (i32.const 1)))`);

async function guestOf(parts: string, maxBytes = 1 << 24) {
  const compiled = await compileModule(await module(parts), { serverVersion: "1.36.0" });
  const guests = new KeptGuests({ maxBytes });
  let retired = 0;
  const call = (digest = "d", timeoutMs = 2000) => {
    const outcome = guests.call({ digest, mode: "kubewarden-wapc", module: compiled.module }, {
      operation: "validate",
      payload: new Uint8Array(),
    }, {
      deadline: new Deadline(timeoutMs),
      hostCall: () => new Uint8Array(),
      write: () => {},
      retired: () => retired++,
    });
    guests.tidy(() => retired++);
    return outcome.kind === "answered" ? new TextDecoder().decode(outcome.bytes) : outcome;
  };
  return { call, retired: () => retired };
}

for (const [place, { parts, kept }] of Object.entries(places)) {
  test(`kept guests: nothing is remembered ${place}, and the guest is ${kept ? "" : "not "}kept`, async () => {
    const { call, retired } = await guestOf(parts);
    for (let count = 0; count < 4; count++) assert.is(call(), "new ");
    assert.is(retired(), kept ? 0 : 4);
  });
}

test("kept guests: memory past the guest's own size is wiped, too", async () => {
  const { call } = await guestOf(`
    (func $seen (result i32) (drop (memory.grow (i32.const 1)))
      (i32.load (i32.const 70000)) (i32.store (i32.const 70000) (i32.const 1)))`);
  for (let count = 0; count < 3; count++) assert.is(call(), "new ");
});

test("kept guests: a start that asks for random bytes is run for every evaluation", async () => {
  const start = `(func (export "_start") (drop (call $random (i32.const 200) (i32.const 8))))`;
  const { call, retired } = await guestOf(`${start} (func $seen (result i32)
    (i64.store (i32.const 104) (i64.load (i32.const 200)))
    (i64.store (i32.const 104) (i64.or (i64.and (i64.load (i32.const 104)) (i64.const 0x0f0f0f0f0f0f0f0f))
      (i64.const 0x4040404040404040))) (i32.const 0))`);
  const answers = new Set(Array.from({ length: 8 }, () => call()));
  assert.ok(answers.size > 4, [...answers].join(" "));
  assert.is(retired(), 0);
});

test("kept guests: one that trapped is thrown away, and the next evaluation starts afresh", async () => {
  const { call, retired } = await guestOf(`(global $a (mut i32) (i32.const 0))
    (func $seen (result i32) (global.get $a) (global.set $a (i32.const 1)) unreachable)`);
  for (let count = 0; count < 3; count++) assert.is((call() as { kind: string }).kind, "failed");
  assert.is(retired(), 3);
});

test("kept guests: one that ran out of time on a kept instance is stopped and thrown away", async () => {
  const { call, retired } = await guestOf(`(func $seen (result i32) (loop (br 0)) (i32.const 0))`);
  assert.equal([call("d", 20), call("d", 20)], [{ kind: "timed-out" }, { kind: "timed-out" }]);
  assert.is(retired(), 2);
});

test("kept guests: together they hold no more than allowed, the one used longest ago goes first", async () => {
  const { call, retired } = await guestOf(`(func $seen (result i32) (i32.const 0))`, 4 * 65536);
  for (const digest of ["a", "b", "a"]) call(digest);
  assert.is(retired(), 0);
  call("c");
  assert.is(retired(), 1, "b had to go");
  call("a");
  assert.is(retired(), 1, "a was still there");
});

test.run();
