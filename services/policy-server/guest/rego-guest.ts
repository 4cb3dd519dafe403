import { messageOf } from "../../../contracts/errors.ts";
import { armMetering } from "./arm-metering.ts";
import { builtins } from "./builtins/builtins.ts";
import { parseRego } from "./builtins/rego-value.ts";
import type { Guest, GuestCall, GuestOptions } from "./guest.ts";
import { RegoAbi } from "./rego-abi.ts";
import { timedImports } from "./timed-imports.ts";

const noBytes = new Uint8Array();
const emptyData = new TextEncoder().encode("{}");

/**
 * A policy written in Rego and compiled by OPA (reference/policy-server.md 6.1). `payload` is its input, `data` its data.
 * The module's memory is its own: metering.ts makes it so.
 */
export class RegoGuest implements Guest {
  #options: GuestOptions;
  #created: WebAssembly.Instance | undefined;
  #abi: RegoAbi | undefined;
  /** Names of the builtins that the module calls, by the ids it gives them. */
  #names = new Map<number, string>();
  #aborted: string | undefined;
  readonly askedForMore = false;

  constructor(options: GuestOptions) {
    this.#options = options;
  }

  get instance(): WebAssembly.Instance {
    if (this.#created === undefined) throw new Error("the guest was not created");
    return this.#created;
  }

  get memoryBytes(): number {
    const memory = this.#created?.exports["memory"];
    return memory instanceof WebAssembly.Memory ? memory.buffer.byteLength : 0;
  }

  begin(options: GuestOptions): void {
    this.#options = options;
    this.#aborted = undefined;
  }

  /** Throws upstream's text if the module calls builtins that are not there: what cannot be computed must not be served. */
  create(module: WebAssembly.Module, created: (instance: WebAssembly.Instance) => void = () => {}): void {
    const instance = new WebAssembly.Instance(module, this.#imports());
    this.#created = instance;
    armMetering(instance, () => this.#options.deadline.check());
    created(instance);
    try {
      this.#abi = new RegoAbi(instance);
      this.#names = new Map(Object.entries(this.#table("builtins")).map(([name, id]) => [id, name]));
      const missing = [...this.#names.values()].filter((name) => !builtins.has(name)).sort();
      if (missing.length > 0) throw new Error(`Missing Rego builtins: ${missing.join(", ")}`);
      const entrypoints = this.#table("entrypoints");
      if (!Object.values(entrypoints).includes(0)) {
        const found = JSON.stringify(entrypoints);
        throw new Error(`Rego wasm error: Cannot find the specified entrypoint 0 inside of ${found}`);
      }
    } catch (error) {
      if (this.#options.deadline.passed) throw error;
      const detail = this.#explained(error);
      throw new Error(`unable to rehydrate rego module: cannot allocate Rego evaluator: ${detail}`, { cause: error });
    }
  }

  restart(): void {}

  /** Settings are not asked about (6.1.10): a module that could be created takes any. */
  call({ operation, payload, data = emptyData }: GuestCall): Uint8Array {
    if (operation === "validate_settings") return noBytes;
    const abi = this.#ready();
    try {
      const at = { data: abi.load(data, "data"), input: abi.load(payload, "input"), entrypoint: 0 };
      return abi.json(abi.evaluate(at));
    } catch (error) {
      if (this.#options.deadline.passed) throw error;
      throw new Error(this.#explained(error), { cause: error });
    }
  }

  #ready(): RegoAbi {
    if (this.#abi === undefined) throw new Error("the guest was not created");
    return this.#abi;
  }

  #table(name: "builtins" | "entrypoints"): Record<string, number> {
    const abi = this.#ready();
    const table: unknown = JSON.parse(new TextDecoder().decode(abi.json(abi.table(name))));
    const isTable = typeof table === "object" && table !== null && !Array.isArray(table) &&
      Object.values(table).every(Number.isInteger);
    if (!isTable) throw new Error(`Rego wasm error: the table of ${name} is no map of names to numbers`);
    return table as Record<string, number>;
  }

  #imports(): WebAssembly.Imports {
    const call = (id: number, _context: number, ...operands: number[]) => this.#builtin(id, operands);
    const calls = Object.fromEntries([0, 1, 2, 3, 4].map((count) => [`opa_builtin${count}`, call]));
    const env: Record<string, (...args: number[]) => unknown> = {
      ...(calls as Record<string, (...args: number[]) => number>),
      opa_abort: (address = 0) => {
        this.#aborted = this.#ready().message(address);
        this.#options.write(`opa_abort: ${this.#aborted}`, "error");
      },
      opa_println: (address = 0) => this.#options.write(`opa_println: ${this.#ready().message(address)}`),
    };
    return timedImports({ env: env as WebAssembly.ModuleImports }, () => this.#options.deadline.check());
  }

  /** Operands and result travel as text. An error ends the evaluation, as upstream does it. */
  #builtin(id: number, operands: number[]): number {
    const name = this.#names.get(id);
    const builtin = name === undefined ? undefined : builtins.get(name);
    if (name === undefined || builtin === undefined) throw new Error(`Builtin not implemented: ${name ?? id}`);
    const abi = this.#ready();
    const values = operands.map((each) => parseRego(abi.rego(each)));
    let result: string | undefined;
    try {
      result = JSON.stringify(builtin(values, { print: this.#options.write }));
    } catch (error) {
      throw new Error(`Builtin error ["${name}"]: ${JSON.stringify(messageOf(error))}`, { cause: error });
    }
    // Address 0 is what is not defined.
    return result === undefined ? 0 : abi.load(new TextEncoder().encode(result), `the result of ${name}`);
  }

  /** A module says by `opa_abort` why it is about to trap. */
  #explained(error: unknown): string {
    if (this.#aborted !== undefined) return `wasm engine error: ${this.#aborted}`;
    return error instanceof WebAssembly.RuntimeError ? `wasm engine error: ${error.message}` : messageOf(error);
  }
}
