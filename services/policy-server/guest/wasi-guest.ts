import { messageOf } from "../../../contracts/errors.ts";
import { armMetering } from "./arm-metering.ts";
import type { Guest, GuestCall, GuestOptions } from "./guest.ts";
import { maxAnswerBytes, maxErrorBytes } from "./guest-limits.ts";
import { memoryOf } from "./guest-memory.ts";
import { performHostCall } from "./host-call.ts";
import { timedImports } from "./timed-imports.ts";
import { type GuestWasi, guestWasi } from "./wasi.ts";
import { InputPipe, OutputBuffer } from "./wasi-streams.ts";

/**
 * A policy that is a WASI command (reference/policy-server.md 6.5): one run of `_start` an operation, which reads its
 * question from standard input and writes its answer to standard output. What it is told by the host it reads from
 * standard input, too.
 */
export class WasiGuest implements Guest {
  #options: GuestOptions;
  readonly #wasi: GuestWasi;
  #created: WebAssembly.Instance | undefined;
  #operation = "";
  #input = new InputPipe();
  #output = new OutputBuffer(maxAnswerBytes);
  #errors = new OutputBuffer(maxErrorBytes);
  /** Nothing of the guest runs before its call, so that there is nothing it could have learned. */
  readonly askedForMore = false;

  constructor(options: GuestOptions) {
    this.#options = options;
    this.#wasi = guestWasi({
      deadline: () => this.#options.deadline,
      streams: () => [this.#input, this.#output, this.#errors],
      args: () => ["policy.wasm", this.#operation],
    });
  }

  get instance(): WebAssembly.Instance {
    if (this.#created === undefined) throw new Error("the guest was not created");
    return this.#created;
  }

  get memoryBytes(): number {
    const memory = this.#created?.exports["memory"];
    return memory instanceof WebAssembly.Memory ? memory.buffer.byteLength : 0;
  }

  get lastWords(): string {
    return new TextDecoder().decode(this.#errors.bytes()).trim();
  }

  begin(options: GuestOptions): void {
    this.#options = options;
  }

  create(module: WebAssembly.Module, created: (instance: WebAssembly.Instance) => void = () => {}): void {
    const host = { call: (...args: number[]) => this.#hostCall(args) };
    const imports = { ...this.#wasi.imports, host, "kubewarden:javy/host": host };
    const instance = new WebAssembly.Instance(module, timedImports(imports, () => this.#options.deadline.check()));
    this.#created = instance;
    this.#wasi.bind(instance);
    armMetering(instance, () => this.#options.deadline.check());
    if (typeof instance.exports["_start"] !== "function") {
      throw new Error("cannot find `_start` function inside of module");
    }
    created(instance);
  }

  restart(): void {}

  call({ operation, payload }: GuestCall): Uint8Array {
    this.#operation = operation === "validate" ? "validate" : "validate-settings";
    this.#input = new InputPipe();
    this.#input.push(payload);
    this.#output = new OutputBuffer(maxAnswerBytes, () => {
      throw new RangeError(`the answer has more than the allowed ${maxAnswerBytes} bytes`);
    });
    this.#errors = new OutputBuffer(maxErrorBytes);
    this.#wasi.reset();
    try {
      this.#wasi.untilExit(() => (this.instance.exports["_start"] as () => void)());
    } catch (error) {
      // Upstream's message is empty if the guest said nothing.
      throw new Error(textOf("stderr", this.#errors).trim() || messageOf(error), { cause: error });
    } finally {
      if (this.lastWords !== "") this.#options.write(`stderr: ${this.lastWords}`, "warn");
    }
    // What is not text cannot be an answer; it is told as the failure that it is.
    return new TextEncoder().encode(textOf("stdout", this.#output));
  }

  /** 0 is success here, the reverse of waPC; the answer, or the error's text, is behind what is left of the input. */
  #hostCall(args: number[]): number {
    const answer = performHostCall(memoryOf(this.instance), args, this.#options.hostCall);
    if (!answer.ok && this.#options.deadline.passed) throw answer.error;
    this.#input.push(answer.ok ? answer.bytes : new TextEncoder().encode(messageOf(answer.error)));
    return answer.ok ? 0 : 1;
  }
}

function textOf(name: "stdout" | "stderr", output: OutputBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(output.bytes());
  } catch (error) {
    throw new Error(`${name} pipe conversion error: ${messageOf(error)}`, { cause: error });
  }
}
