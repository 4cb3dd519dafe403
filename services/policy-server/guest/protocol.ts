// pure
import type { ExecutionMode } from "../policies/execution-mode.ts";
import type { PolicyAnswer, SettingsAnswer } from "../admission/policy-answer.ts";

/** How loud the words of a guest are in our log. */
export type PrintLevel = "debug" | "info" | "warn" | "error";

/**
 * What a worker is asked to do: one operation of one policy. `payload` is JSON in UTF-8: what a guest of its kind takes
 * (admission/guest-input.ts). `data` is the data document of Rego, beside its input. It is made for the task, which may
 * take it away: nobody else can use it.
 */
export type GuestTask =
  /** `original` says which part of the payload a mutation is compared with: `request.object`, or all of a raw request. */
  | { operation: "validate"; payload: Uint8Array; data?: Uint8Array; original: "object" | "request" }
  | { operation: "validate_settings"; payload: Uint8Array; data?: Uint8Array };

/** How a task ended. `init` is everything before the guest call: instantiation and start functions. */
export type TaskOutcome =
  | { kind: "validated"; answer: PolicyAnswer }
  | { kind: "settings"; answer: SettingsAnswer }
  /** The guest answered, but not with what the protocol asks for. */
  | { kind: "invalid-answer"; message: string }
  | { kind: "failed"; phase: "init" | "call"; message: string }
  /** `lastWords`: what a guest had printed for this case by then. */
  | { kind: "timed-out"; lastWords?: string };

/** A host call as the guest spelled it; nothing in it has been checked. */
export type HostRequest = { binding: string; namespace: string; operation: string; payload: Uint8Array };

/** Bytes for the guest, or the error text it reads. */
export type HostReply = { ok: true; bytes: Uint8Array } | { ok: false; message: string };

export type ToWorker =
  | { type: "channel"; buffer: SharedArrayBuffer }
  /** `module` comes along the first time a worker meets a digest. `timeoutMs` undefined: no limit. */
  | {
    type: "task";
    task: GuestTask;
    digest: string;
    mode: ExecutionMode;
    module?: WebAssembly.Module | undefined;
    timeoutMs: number | undefined;
  };

export type FromWorker =
  | { type: "ready" }
  /** `memoryBytes`: what the guest had at the end, 0 if it did not come to be. */
  | { type: "done"; outcome: TaskOutcome; memoryBytes: number }
  | { type: "host-call"; request: HostRequest }
  /** Text the guest printed, already bounded. */
  | { type: "printed"; text: string; level: PrintLevel };
