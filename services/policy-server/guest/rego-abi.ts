import { maxAnswerBytes, maxErrorBytes } from "./guest-limits.ts";
import { bytesAt, memoryOf } from "./guest-memory.ts";

type Call = (...args: number[]) => number;

/** What a compiled Rego module exports, as far as the host uses it (reference/policy-server.md 6.1.2). */
const names = [
  ...["builtins", "entrypoints", "eval", "opa_eval_ctx_get_result", "opa_eval_ctx_new", "opa_eval_ctx_set_data"],
  ...["opa_eval_ctx_set_entrypoint", "opa_eval_ctx_set_input", "opa_json_dump", "opa_json_parse", "opa_malloc"],
] as const;
type Name = (typeof names)[number];

/** The functions of a module's ABI, all of them version 1, by which the host and its values meet. */
export class RegoAbi {
  readonly #memory: WebAssembly.Memory;
  readonly #calls: Record<Name, Call>;
  readonly #dumpValue: Call | undefined;

  /** Throws an error that names what the module does not export. */
  constructor(instance: WebAssembly.Instance) {
    const { exports } = instance;
    this.#memory = memoryOf(instance);
    this.#calls = Object.fromEntries(names.map((name) => {
      if (typeof exports[name] !== "function") {
        throw new Error(`Rego wasm error: \`${name}\` is not exported by the module`);
      }
      return [name, exports[name]];
    })) as Record<Name, Call>;
    // Younger than the ABI itself.
    this.#dumpValue = exports["opa_value_dump"] as Call | undefined;
  }

  /** Puts JSON into the module's memory; the address of the value it became. */
  load(json: Uint8Array, what: string): number {
    const address = this.#calls.opa_malloc(json.length);
    // Only now is the memory as large as it has become.
    bytesAt(this.#memory, address, json.length).set(json);
    const value = this.#calls.opa_json_parse(address, json.length);
    if (value === 0) throw new Error(`Rego wasm error: cannot load ${what}: the module does not take it as JSON`);
    return value;
  }

  /** A value as JSON. Sets are lists there. */
  json(address: number): Uint8Array<ArrayBuffer> {
    return this.#terminated(this.#calls.opa_json_dump(address), maxAnswerBytes).slice();
  }

  /** A value as Rego writes it, sets as sets, where the module can do that. */
  rego(address: number): string {
    const text = (this.#dumpValue ?? this.#calls.opa_json_dump)(address);
    return new TextDecoder().decode(this.#terminated(text, maxAnswerBytes));
  }

  /** The address of the map of builtins, name to id, or of entrypoints. */
  table(name: "builtins" | "entrypoints"): number {
    return this.#calls[name]();
  }

  /** Evaluates an entrypoint; the address of its result. */
  evaluate({ input, data, entrypoint }: { input: number; data: number; entrypoint: number }): number {
    const context = this.#calls.opa_eval_ctx_new();
    this.#calls.opa_eval_ctx_set_input(context, input);
    this.#calls.opa_eval_ctx_set_data(context, data);
    this.#calls.opa_eval_ctx_set_entrypoint(context, entrypoint);
    this.#calls.eval(context);
    return this.#calls.opa_eval_ctx_get_result(context);
  }

  /** A message of the module for a person. */
  message(address: number): string {
    return new TextDecoder().decode(this.#terminated(address, maxErrorBytes));
  }

  #terminated(address: number, maxBytes: number): Uint8Array<ArrayBuffer> {
    const start = address >>> 0;
    const end = new Uint8Array(this.#memory.buffer).indexOf(0, start);
    if (start === 0 || end < 0) throw new RangeError(`Rego wasm error: no text at address ${start}`);
    if (end - start > maxBytes) throw new RangeError(`Rego wasm error: text of ${end - start} bytes is too long`);
    return bytesAt(this.#memory, start, end - start);
  }
}
