import { KubewardenError } from "../../../contracts/errors.ts";
import type { Deadline } from "./deadline.ts";
import type { HostReply, HostRequest } from "./protocol.ts";

/**
 * Carries what a busy worker must hear while it cannot read messages: the reply to a guest's host call, and the word to
 * stop. The buffer starts with three 32-bit words (state of the call, length of the reply, stop), the reply's bytes
 * follow; the main side grows it when a reply needs more room.
 */
const stateWord = 0, lengthWord = 1, stopWord = 2, headerBytes = 12;
const waiting = 0, replied = 1, refused = 2, stopped = 3;
const startBytes = 64 * 1024;
/** What a host call may answer; also what a channel may grow to, beside its header. */
export const maxReplyBytes = 32 * 1024 * 1024;

/** The main side's end; the worker has the buffer. `held`: the bytes it was last answered with, which are still there. */
export type SyncChannel = { readonly buffer: SharedArrayBuffer; held?: WeakRef<Uint8Array> };

/** A channel for one worker. It serves one call at a time. */
export function newSyncChannel(): SyncChannel {
  return { buffer: new SharedArrayBuffer(startBytes, { maxByteLength: headerBytes + maxReplyBytes }) };
}

/**
 * Worker side: asks by `post` and sleeps until the reply is there. Throws its text; traps once the deadline passed. The
 * bytes are the channel's own: valid until the next call, and memory that is shared, which not all that takes bytes takes.
 */
export function callHost(
  { buffer, post, deadline }: { buffer: SharedArrayBuffer; post: (request: HostRequest) => void; deadline: Deadline },
  request: HostRequest,
): Uint8Array {
  const header = new Int32Array(buffer, 0, 3);
  Atomics.store(header, stateWord, waiting);
  // A word to stop that came before this found nobody waiting; one that comes later finds the state.
  deadline.check();
  post(request);
  const outcome = Atomics.wait(header, stateWord, waiting, deadline.remainingMs() + 1);
  deadline.check();
  if (outcome === "timed-out") throw new KubewardenError("HOST_CALL_FAILED", "Host call timed out");
  const bytes = new Uint8Array(buffer, headerBytes, Atomics.load(header, lengthWord));
  if (Atomics.load(header, stateWord) === refused) {
    throw new KubewardenError("HOST_CALL_FAILED", new TextDecoder().decode(bytes.slice()));
  }
  return bytes;
}

/** Worker side: whether the running guest is to stop, be its deadline never so far. */
export function isStopped(buffer: SharedArrayBuffer): boolean {
  return Atomics.load(new Int32Array(buffer, 0, 3), stopWord) === 1;
}

/** Main side: tells the guest to stop at its next check, and wakes it if it sleeps in a host call. */
export function stopGuest({ buffer }: SyncChannel): void {
  const header = new Int32Array(buffer, 0, 3);
  Atomics.store(header, stopWord, 1);
  // Waking alone would miss a guest that has asked and is about to sleep.
  Atomics.compareExchange(header, stateWord, waiting, stopped);
  Atomics.notify(header, stateWord);
}

/** Main side: a new guest may run. */
export function allowGuest({ buffer }: SyncChannel): void {
  Atomics.store(new Int32Array(buffer, 0, 3), stopWord, 0);
}

/**
 * Main side: writes the reply and wakes the worker. Bytes that are in the channel already are not written again: policies
 * ask for the same megabytes at every evaluation. So nobody may change bytes that were once an answer.
 */
export function replyToGuest(channel: SyncChannel, reply: HostReply): void {
  const bytes = reply.ok ? reply.bytes : new TextEncoder().encode(reply.message);
  if (bytes.length > maxReplyBytes) {
    return replyToGuest(channel, { ok: false, message: `Host reply of ${bytes.length} bytes is too large` });
  }
  const { buffer } = channel;
  if (channel.held?.deref() !== bytes) {
    if (headerBytes + bytes.length > buffer.byteLength) buffer.grow(headerBytes + bytes.length);
    new Uint8Array(buffer, headerBytes, bytes.length).set(bytes);
    channel.held = new WeakRef(bytes);
  }
  const header = new Int32Array(buffer, 0, 3);
  Atomics.store(header, lengthWord, bytes.length);
  Atomics.store(header, stateWord, reply.ok ? replied : refused);
  Atomics.notify(header, stateWord);
}
