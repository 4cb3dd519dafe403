import { test } from "uvu";
import * as assert from "uvu/assert";
import { Deadline } from "./deadline.ts";
import {
  allowGuest,
  callHost,
  isStopped,
  newSyncChannel,
  replyToGuest,
  stopGuest,
  type SyncChannel,
} from "./sync-channel.ts";

const request = { binding: "kubewarden", namespace: "a", operation: "b", payload: new Uint8Array() };

/** A host call of a guest that has ten seconds; `meanwhile` happens after it has asked and before it sleeps. */
function call({ buffer }: SyncChannel, meanwhile: () => void): string {
  const deadline = new Deadline(10_000, () => isStopped(buffer));
  try {
    return new TextDecoder().decode(callHost({ buffer, post: meanwhile, deadline }, request).slice());
  } catch (error) {
    return deadline.passed ? "stopped" : `refused: ${(error as Error).message}`;
  }
}

test("channel: an answer that comes before the guest sleeps is read, and so is one that needs more room", () => {
  const channel = newSyncChannel();
  assert.is(call(channel, () => replyToGuest(channel, { ok: true, bytes: new TextEncoder().encode("yes") })), "yes");
  assert.is(call(channel, () => replyToGuest(channel, { ok: false, message: "no" })), "refused: no");
  const long = "x".repeat(1_000_000);
  assert.is(call(channel, () => replyToGuest(channel, { ok: true, bytes: new TextEncoder().encode(long) })), long);
});

test("channel: the word to stop reaches a guest before it asks, and one that has asked but does not sleep yet", () => {
  const channel = newSyncChannel();
  const started = performance.now();
  assert.is(call(channel, () => stopGuest(channel)), "stopped");
  assert.is(call(channel, () => {}), "stopped");
  assert.ok(performance.now() - started < 10_000, "neither has slept until its deadline");
  allowGuest(channel);
  assert.is(call(channel, () => replyToGuest(channel, { ok: true, bytes: new TextEncoder().encode("next") })), "next");
});

test("channel: too large an answer is an error for the guest", () => {
  const channel = newSyncChannel();
  const bytes = new Uint8Array(32 * 1024 * 1024 + 1);
  assert.match(
    call(channel, () => replyToGuest(channel, { ok: true, bytes })),
    /refused: Host reply of 33554433 bytes is too/,
  );
});

test("channel: an answer that is there already is not written again, and others never take its place", () => {
  const channel = newSyncChannel();
  const utf8 = (text: string) => new TextEncoder().encode(text);
  const list = utf8("the list"), other = utf8("else");
  const told = (bytes: Uint8Array) => call(channel, () => replyToGuest(channel, { ok: true, bytes }));
  assert.is(told(list), "the list");
  const mark = new Uint8Array(channel.buffer).subarray(12);
  mark[0] = "T".charCodeAt(0);
  assert.is(told(list), "The list");
  assert.is(told(utf8("the list")), "the list");
  assert.is(told(other), "else");
  assert.is(told(list), "the list");
  assert.is(call(channel, () => replyToGuest(channel, { ok: false, message: "no" })), "refused: no");
  assert.is(told(list), "the list");
});

test.run();
