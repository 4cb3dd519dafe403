import { test } from "uvu";
import * as assert from "uvu/assert";
import { Deadline } from "./deadline.ts";
import { allowGuest, callHost, isStopped, newSyncChannel, replyToGuest, stopGuest } from "./sync-channel.ts";

const request = { binding: "kubewarden", namespace: "a", operation: "b", payload: new Uint8Array() };

/** A host call of a guest that has ten seconds; `meanwhile` happens after it has asked and before it sleeps. */
function call(buffer: SharedArrayBuffer, meanwhile: () => void): string {
  const deadline = new Deadline(10_000, () => isStopped(buffer));
  try {
    return new TextDecoder().decode(callHost({ buffer, post: meanwhile, deadline }, request));
  } catch (error) {
    return deadline.passed ? "stopped" : `refused: ${(error as Error).message}`;
  }
}

test("channel: an answer that comes before the guest sleeps is read, and so is one that needs more room", () => {
  const buffer = newSyncChannel();
  assert.is(call(buffer, () => replyToGuest(buffer, { ok: true, bytes: new TextEncoder().encode("yes") })), "yes");
  assert.is(call(buffer, () => replyToGuest(buffer, { ok: false, message: "no" })), "refused: no");
  const long = "x".repeat(1_000_000);
  assert.is(call(buffer, () => replyToGuest(buffer, { ok: true, bytes: new TextEncoder().encode(long) })), long);
});

test("channel: the word to stop reaches a guest before it asks, and one that has asked but does not sleep yet", () => {
  const buffer = newSyncChannel();
  const started = performance.now();
  assert.is(call(buffer, () => stopGuest(buffer)), "stopped");
  assert.is(call(buffer, () => {}), "stopped");
  assert.ok(performance.now() - started < 10_000, "neither has slept until its deadline");
  allowGuest(buffer);
  assert.is(call(buffer, () => replyToGuest(buffer, { ok: true, bytes: new TextEncoder().encode("next") })), "next");
});

test("channel: too large an answer is an error for the guest", () => {
  const buffer = newSyncChannel();
  const bytes = new Uint8Array(32 * 1024 * 1024 + 1);
  assert.match(
    call(buffer, () => replyToGuest(buffer, { ok: true, bytes })),
    /refused: Host reply of 33554433 bytes is too/,
  );
});

test.run();
