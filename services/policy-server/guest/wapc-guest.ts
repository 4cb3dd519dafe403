import { WapcHost } from "@wapc/host";
import { messageOf } from "../../../contracts/errors.ts";
import { armMetering } from "./arm-metering.ts";
import type { Deadline } from "./deadline.ts";
import { exitCodeOf, type GuestWasi, guestWasi } from "./wasi.ts";

/** Answers a host call with bytes, or throws an error whose message the guest reads. */
export type HostCall = (binding: string, namespace: string, operation: string, payload: Uint8Array) => Uint8Array;

export type GuestOptions = {
  deadline: Deadline;
  hostCall: HostCall;
  /** Text the guest prints: console, standard output and standard error. */
  write: (text: string) => void;
  /** Told how much memory a guest had when it was thrown away. */
  retired: (memoryBytes: number) => void;
};

/** What became of one guest call. `init` is everything before `__guest_call`. */
export type GuestOutcome =
  | { kind: "answered"; bytes: Uint8Array }
  | { kind: "failed"; phase: "init" | "call"; message: string }
  | { kind: "timed-out" };

// Twice what the API server takes for an object; bounds what a guest can make the host hold and parse.
const maxAnswerBytes = 8 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;
const maxHostPayloadBytes = 4 * 1024 * 1024;
const maxNameBytes = 1024;

/** Runs one operation on a fresh instance of a compiled module; nothing outlives the call. */
export function callGuest(
  module: WebAssembly.Module,
  call: { operation: string; payload: Uint8Array },
  options: GuestOptions,
): GuestOutcome {
  const guest = new WapcGuest(options);
  let phase: "init" | "call" = "init";
  try {
    guest.initialize(new WebAssembly.Instance(module, guest.getImports()));
    phase = "call";
    return { kind: "answered", bytes: guest.call(call.operation, call.payload) };
  } catch (error) {
    if (options.deadline.passed) return { kind: "timed-out" };
    return { kind: "failed", phase, message: messageOf(error) };
  } finally {
    options.retired(guest.memoryBytes);
  }
}

/**
 * `@wapc/host` with what it lacks (reference/runtime-details.md 4): compiled modules, all of WASI, errors counted in
 * UTF-8 bytes, checked pointers, tolerated exits of start functions, and a deadline.
 */
class WapcGuest extends WapcHost {
  readonly #options: GuestOptions;
  readonly #wasi: GuestWasi;
  #hostError: Uint8Array = new Uint8Array();

  constructor(options: GuestOptions) {
    super(options.hostCall, options.write);
    this.#options = options;
    this.#wasi = guestWasi(options);
  }

  override getImports(): WebAssembly.Imports {
    const imports = { wapc: { ...super.getImports()["wapc"], ...this.#corrections() }, ...this.#wasi.imports };
    // What the host does for a guest counts, too: some of it copies megabytes.
    return Object.fromEntries(Object.entries(imports).map(([name, functions]) => [name, this.#timed(functions)]));
  }

  #timed(functions: WebAssembly.ModuleImports): WebAssembly.ModuleImports {
    const { deadline } = this.#options;
    return Object.fromEntries(
      Object.entries(functions as Record<string, (...args: unknown[]) => WebAssembly.ExportValue>).map((
        [name, call],
      ) => [
        name,
        (...args: unknown[]) => {
          deadline.check();
          return call(...args);
        },
      ]),
    );
  }

  /** Runs the start functions in upstream's order; an exit with code 0 is how TinyGo's `main` ends. */
  override initialize(instance: WebAssembly.Instance): void {
    this.instance = instance;
    this.#wasi.bind(instance);
    armMetering(instance, () => this.#options.deadline.check());
    for (const name of ["_start", "wapc_init"]) {
      const start = instance.exports[name];
      if (typeof start !== "function") continue;
      try {
        start();
      } catch (error) {
        if (exitCodeOf(error) !== 0) throw error;
      }
    }
    const guestCall = instance.exports["__guest_call"];
    if (typeof guestCall !== "function") {
      throw new Error("Guest call function (__guest_call) not exported by wasm module.");
    }
    this.guestCall = guestCall;
  }

  get memoryBytes(): number {
    const memory = (this.instance as WebAssembly.Instance | undefined)?.exports["memory"];
    return memory instanceof WebAssembly.Memory ? memory.buffer.byteLength : 0;
  }

  call(operation: string, payload: Uint8Array): Uint8Array {
    const { state } = this;
    // A start function may have called in already; its leftovers must not count as this call's answer.
    state.guestResponse = state.guestError = state.hostResponse = undefined;
    this.#hostError = new Uint8Array();
    const operationEncoded = this.textEncoder.encode(operation);
    state.guestRequest = { operation, operationEncoded, msg: payload };
    const result: unknown = this.guestCall(operationEncoded.length, payload.length);
    if (result === 0) throw new Error(state.guestError ?? "No error message set for call failure");
    if (state.guestResponse !== undefined) return state.guestResponse;
    throw new Error(state.guestError ?? "No error message OR response set for call success");
  }

  #corrections(): WebAssembly.ModuleImports {
    const { state } = this;
    return {
      __console_log: (pointer: number, length: number) =>
        state.writer(this.#text(pointer, Math.min(length >>> 0, maxErrorBytes), false)),
      __guest_response: (pointer: number, length: number) => {
        if (length >>> 0 > maxAnswerBytes) {
          throw new RangeError(`the answer has ${length >>> 0} bytes, more than the allowed ${maxAnswerBytes}`);
        }
        state.guestResponse = this.#bytes(pointer, length).slice();
      },
      __guest_error: (pointer: number, length: number) => {
        state.guestError = this.#text(pointer, Math.min(length >>> 0, maxErrorBytes), length >>> 0 <= maxErrorBytes);
      },
      __host_error_len: () => this.#hostError.length,
      __host_error: (pointer: number) => this.#bytes(pointer, this.#hostError.length).set(this.#hostError),
      __host_call: (...args: number[]) => this.#hostCall(args),
    };
  }

  #hostCall([b = 0, bLen = 0, n = 0, nLen = 0, o = 0, oLen = 0, pointer = 0, length = 0]: number[]): number {
    const { state } = this;
    state.hostResponse = undefined;
    this.#hostError = new Uint8Array();
    try {
      if (length >>> 0 > maxHostPayloadBytes) throw new RangeError(`host call payload of ${length >>> 0} bytes`);
      const [binding = "", namespace = "", operation = ""] = [[b, bLen], [n, nLen], [o, oLen]].map((
        [at = 0, size = 0],
      ) => this.#text(at, Math.min(size >>> 0, maxNameBytes), true));
      state.hostResponse = state.hostCallback(binding, namespace, operation, this.#bytes(pointer, length).slice());
      return 1;
    } catch (error) {
      // A trap of the deadline must go on upwards; everything else is the guest's to read.
      if (this.#options.deadline.passed) throw error;
      this.#hostError = this.textEncoder.encode(messageOf(error));
      return 0;
    }
  }

  #bytes(pointer: number, length: number): Uint8Array {
    // Wasm addresses are unsigned, JavaScript sees them signed. Out of range throws, which ends the guest.
    return new Uint8Array(this.getCallerMemory().buffer, pointer >>> 0, length >>> 0);
  }

  #text(pointer: number, length: number, fatal: boolean): string {
    return new TextDecoder("utf-8", { fatal, ignoreBOM: true }).decode(this.#bytes(pointer, length));
  }
}
