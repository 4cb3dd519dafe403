import { WapcHost } from "@wapc/host";
import { messageOf } from "../../../contracts/errors.ts";
import { armMetering } from "./arm-metering.ts";
import type { Guest, GuestCall, GuestOptions } from "./guest.ts";
import { maxAnswerBytes, maxErrorBytes } from "./guest-limits.ts";
import { bytesAt } from "./guest-memory.ts";
import { performHostCall } from "./host-call.ts";
import { timedImports } from "./timed-imports.ts";
import { type GuestWasi, guestWasi } from "./wasi.ts";
import { noInput, printed } from "./wasi-streams.ts";

/** Imports whose answers are the same for every evaluation: a start that asks for no others can be done once for all. */
const sameForAll = new Set([
  ...["args_get", "args_sizes_get", "environ_get", "environ_sizes_get", "fd_fdstat_get", "fd_prestat_dir_name"],
  ...["fd_prestat_get", "proc_exit", "sched_yield"],
]);

/**
 * `@wapc/host` with what it lacks (reference/runtime-details.md 4): compiled modules, all of WASI, errors counted in
 * UTF-8 bytes, checked pointers, tolerated exits of start functions, and a deadline.
 */
export class WapcGuest extends WapcHost implements Guest {
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
      streams: () => [
        noInput,
        printed((text) => this.#options.write(text)),
        printed((text) => this.#options.write(text)),
      ],
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
    return timedImports(imports, (name) => {
      this.#options.deadline.check();
      if (!sameForAll.has(name)) this.#askedForMore = true;
    });
  }

  restart(): void {
    this.initialize(this.instance);
  }

  /**
   * Runs the start functions in upstream's order; an exit with code 0 is how TinyGo's `main` ends. `_initialize` is how
   * reactors of Go and of wasi-libc are made ready, which upstream does not call (4.2.3).
   */
  override initialize(instance: WebAssembly.Instance): void {
    const { exports } = instance;
    for (const name of [exports["_start"] === undefined ? "_initialize" : "_start", "wapc_init"]) {
      const start = exports[name];
      if (typeof start === "function") this.#wasi.untilExit(() => start());
    }
    const guestCall = exports["__guest_call"];
    if (typeof guestCall !== "function") {
      throw new Error("Guest call function (__guest_call) not exported by wasm module.");
    }
    this.guestCall = guestCall;
  }

  get memoryBytes(): number {
    const memory = (this.instance as WebAssembly.Instance | undefined)?.exports["memory"];
    return memory instanceof WebAssembly.Memory ? memory.buffer.byteLength : 0;
  }

  call({ operation, payload }: GuestCall): Uint8Array {
    const { state } = this;
    // A start function may have called in already; its leftovers must not count as this call's answer.
    state.guestResponse = state.guestError = state.hostResponse = undefined;
    this.#hostError = new Uint8Array();
    const operationEncoded = this.textEncoder.encode(operation);
    state.guestRequest = { operation, operationEncoded, msg: payload };
    const result = this.#callGuest(operationEncoded.length, payload.length);
    if (result === 0) throw new Error(state.guestError ?? "No error message set for call failure");
    if (state.guestResponse !== undefined) return state.guestResponse;
    throw new Error(state.guestError ?? "No error message OR response set for call success");
  }

  #callGuest(operationLength: number, payloadLength: number): unknown {
    try {
      return this.guestCall(operationLength, payloadLength);
    } catch (error) {
      throw this.#wasi.endOf(error);
    }
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

  #hostCall(args: number[]): number {
    const { state } = this;
    state.hostResponse = undefined;
    this.#hostError = new Uint8Array();
    const answer = performHostCall(this.getCallerMemory(), args, state.hostCallback);
    if (answer.ok) {
      state.hostResponse = answer.bytes;
      return 1;
    }
    // A trap of the deadline must go on upwards; everything else is the guest's to read.
    if (this.#options.deadline.passed) throw answer.error;
    this.#hostError = this.textEncoder.encode(messageOf(answer.error));
    return 0;
  }

  #bytes(pointer: number, length: number): Uint8Array {
    // Out of range throws, which ends the guest.
    return bytesAt(this.getCallerMemory(), pointer, length);
  }

  #text(pointer: number, length: number, fatal: boolean): string {
    return new TextDecoder("utf-8", { fatal, ignoreBOM: true }).decode(this.#bytes(pointer, length));
  }
}
