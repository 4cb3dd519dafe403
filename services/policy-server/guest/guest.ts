import { messageOf } from "../../../contracts/errors.ts";
import type { Deadline } from "./deadline.ts";
import type { GuestTask, PrintLevel } from "./protocol.ts";

/**
 * Answers a host call with bytes, or throws an error whose message the guest reads. The bytes are valid until the next
 * call, and may be shared memory.
 */
export type HostCall = (binding: string, namespace: string, operation: string, payload: Uint8Array) => Uint8Array;

export type GuestOptions = {
  deadline: Deadline;
  hostCall: HostCall;
  /** Text the guest prints; `info` where it has no level of its own. */
  write: (text: string, level?: PrintLevel) => void;
  /** Told how much memory a guest had when it was thrown away. */
  retired: (memoryBytes: number) => void;
  /** Told how much memory a guest has after a call. */
  measured?: (memoryBytes: number) => void;
};

/** An operation for a guest; what else a task says is for whoever reads the answer. */
export type GuestCall = Pick<GuestTask, "operation" | "payload" | "data">;

/** One instance of a module of one kind (guest-of.ts), as kept-guests.ts drives it. */
export type Guest = {
  readonly instance: WebAssembly.Instance;
  readonly memoryBytes: number;
  /** Whether it has learned anything from the host that another evaluation would be told differently. */
  readonly askedForMore: boolean;
  /** What it says about an end that it could not answer: its standard error, where that is the protocol. */
  readonly lastWords?: string;
  /** From now on it works for another evaluation: what the host kept of the last one is gone. */
  begin(options: GuestOptions): void;
  /** Instantiates a module and runs what comes before a call. `created` is called between the two. */
  create(module: WebAssembly.Module, created?: (instance: WebAssembly.Instance) => void): void;
  /** Runs again what `create` ran after `created`. */
  restart(): void;
  /** Throws an error whose message says what went wrong. */
  call(call: GuestCall): Uint8Array;
};

/** What became of one call. `init` is everything before it. */
export type GuestOutcome =
  | { kind: "answered"; bytes: Uint8Array }
  | { kind: "failed"; phase: "init" | "call"; message: string }
  | { kind: "timed-out"; lastWords?: string };

/** Makes ready what `prepare` says, then makes the call; never throws. */
export function evaluateGuest(
  guest: Guest,
  { call, deadline, prepare }: { call: GuestCall; deadline: Deadline; prepare: () => void },
): GuestOutcome {
  let phase: "init" | "call" = "init";
  try {
    prepare();
    phase = "call";
    return { kind: "answered", bytes: guest.call(call) };
  } catch (error) {
    if (!deadline.passed) return { kind: "failed", phase, message: messageOf(error) };
    return { kind: "timed-out", ...(guest.lastWords ? { lastWords: guest.lastWords } : {}) };
  }
}
