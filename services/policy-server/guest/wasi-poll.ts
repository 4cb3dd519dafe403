import type { Deadline } from "./deadline.ts";

/** Where the fields of a clock subscription stand: wasi_unstable has one 64-bit field more. */
const layouts = {
  preview1: { size: 48, clockId: 16, timeout: 24, flags: 40 },
  unstable: { size: 56, clockId: 24, timeout: 32, flags: 48 },
} as const;

const errno = { success: 0, invalid: 28 };
const eventClock = 0;
const clockRealtime = 0;
const absoluteTime = 1;
const eventSize = 32;
const maxSubscriptions = 1024;

export type PollContext = { memory: WebAssembly.Memory; deadline: Deadline; layout: keyof typeof layouts };
export type PollArguments = { input: number; output: number; count: number; events: number };

/**
 * `poll_oneoff`: a stream is always ready, a clock makes the thread sleep, but never past the guest's deadline.
 * Written here because the library's version spins and knows one subscription only.
 */
export function pollOneoff({ memory, deadline, layout }: PollContext, call: PollArguments): number {
  const at = layouts[layout];
  const count = call.count >>> 0, input = call.input >>> 0, output = call.output >>> 0;
  if (count === 0 || count > maxSubscriptions) return errno.invalid;
  const view = new DataView(memory.buffer);
  const subscriptions = Array.from({ length: count }, (_, index) => {
    const base = input + index * at.size;
    const type = view.getUint8(base + 8);
    return { userdata: view.getBigUint64(base, true), type, waitMs: type === eventClock ? clockWait(view, base) : 0 };
  });
  const waitMs = Math.min(...subscriptions.map((each) => each.waitMs));
  sleep(waitMs, deadline);
  const ready = subscriptions.filter((each) => each.waitMs <= waitMs);
  ready.forEach(({ userdata, type }, index) => {
    const base = output + index * eventSize;
    new Uint8Array(memory.buffer, base, eventSize).fill(0);
    view.setBigUint64(base, userdata, true);
    view.setUint8(base + 10, type);
  });
  view.setUint32(call.events >>> 0, ready.length, true);
  return errno.success;

  function clockWait(view: DataView, base: number): number {
    const timeoutMs = Number(view.getBigUint64(base + at.timeout, true)) / 1e6;
    if ((view.getUint16(base + at.flags, true) & absoluteTime) === 0) return timeoutMs;
    const now = view.getUint32(base + at.clockId, true) === clockRealtime ? Date.now() : performance.now();
    return Math.max(0, timeoutMs - now);
  }
}

function sleep(ms: number, deadline: Deadline): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  // One millisecond more, so that the check afterwards finds the deadline passed.
  Atomics.wait(cell, 0, 0, Math.min(ms, deadline.remainingMs() + 1));
  deadline.check();
}
