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
  /** Told how much memory a guest has after a call. */
  measured?: (memoryBytes: number) => void;
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

/** Imports whose answers are the same for every evaluation: a start that asks for no others can be done once for all. */
const sameForAll = new Set([
  ...["args_get", "args_sizes_get", "environ_get", "environ_sizes_get", "fd_fdstat_get", "fd_prestat_dir_name"],
  ...["fd_prestat_get", "proc_exit", "sched_yield"],
]);

/**
 * `@wapc/host` with what it lacks (reference/runtime-details.md 4): compiled modules, all of WASI, errors counted in
 * UTF-8 bytes, checked pointers, tolerated exits of start functions, and a deadline.
 */
export class WapcGuest extends WapcHost {
  /** Of the evaluation that the guest works for now. */
  #options: GuestOptions;
  readonly #wasi: GuestWasi;
  #hostError: Uint8Array = new Uint8Array();
  #askedForMore = false;

  constructor(options: GuestOptions) {
    super((...request) => this.#options.hostCall(...request), (text) => this.#options.write(text));
    this.#options = options;
    this.#wasi = guestWasi({
      deadline: () => this.#options.deadline,
      write: (text) => this.#options.write(text),
    });
  }

  /** Whether the guest has learned anything from the host that another evaluation would be told differently. */
  get askedForMore(): boolean {
    return this.#askedForMore;
  }

  /** From now on the guest works for another evaluation: what the host kept of the last one is gone. */
  begin(options: GuestOptions): void {
    this.#options = options;
    const { state } = this;
    state.guestRequest =
      state.guestResponse =
      state.guestError =
      state.hostResponse =
        undefined;
    this.#hostError = new Uint8Array();
    this.#wasi.reset();
  }

  /** Makes ready what `prepare` says, then runs one operation; never throws. */
  evaluate({ operation, payload }: { operation: string; payload: Uint8Array }, prepare: () => void): GuestOutcome {
    let phase: "init" | "call" = "init";
    try {
      prepare();
      phase = "call";
      return { kind: "answered", bytes: this.call(operation, payload) };
    } catch (error) {
      if (this.#options.deadline.passed) return { kind: "timed-out" };
      return { kind: "failed", phase, message: messageOf(error) };
    }
  }

  /** Instantiates a module and runs its start functions. `created` is called between the two. */
  create(module: WebAssembly.Module, created: (instance: WebAssembly.Instance) => void = () => {}): void {
    const instance = new WebAssembly.Instance(module, this.getImports());
    this.instance = instance;
    this.#wasi.bind(instance);
    armMetering(instance, () => this.#options.deadline.check());
    created(instance);
    this.initialize(instance);
  }

  override getImports(): WebAssembly.Imports {
    const imports = { wapc: { ...super.getImports()["wapc"], ...this.#corrections() }, ...this.#wasi.imports };
    // What the host does for a guest counts, too: some of it copies megabytes.
    return Object.fromEntries(Object.entries(imports).map(([name, functions]) => [name, this.#timed(functions)]));
  }

  #timed(functions: WebAssembly.ModuleImports): WebAssembly.ModuleImports {
    return Object.fromEntries(
      Object.entries(functions as Record<string, (...args: unknown[]) => WebAssembly.ExportValue>).map((
        [name, call],
      ) => [
        name,
        (...args: unknown[]) => {
          this.#options.deadline.check();
          if (!sameForAll.has(name)) this.#askedForMore = true;
          return call(...args);
        },
      ]),
    );
  }

  /** Runs the start functions in upstream's order; an exit with code 0 is how TinyGo's `main` ends. */
  override initialize(instance: WebAssembly.Instance): void {
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
