import wabt from "wabt";
import { readBytes } from "../../../runtime/files.ts";
import { concat, uleb } from "../guest/wasm-binary.ts";
import { compileModule } from "../modules/compile.ts";
import type { Runnable } from "../policies/catalogue.ts";

/** Guests for tests: small ones written as text, and the built ones under `examples/policies`. */
const metadata = { protocolVersion: "v1", rules: [], mutating: false };

const engine = wabt();

/** Compiles WebAssembly text and adds a metadata section (null: none). */
export async function wat(source: string, section: unknown = metadata): Promise<Uint8Array<ArrayBuffer>> {
  const module = (await engine).parseWat("guest.wat", source, { exceptions: true, bulk_memory: true });
  const { buffer } = module.toBinary({});
  module.destroy();
  return section === null ? Uint8Array.from(buffer) : withSection(buffer, JSON.stringify(section));
}

/** Appends the custom section `io.kubewarden.metadata`. */
export function withSection(wasm: Uint8Array, text: string): Uint8Array<ArrayBuffer> {
  const [name, content] = ["io.kubewarden.metadata", text].map((each) => new TextEncoder().encode(each)) as [
    Uint8Array,
    Uint8Array,
  ];
  const body = concat([Uint8Array.from(uleb(name.length)), name, content]);
  return Uint8Array.from(concat([wasm, Uint8Array.of(0, ...uleb(body.length)), body]));
}

/** A guest that accepts everything, and says this event by `tracing/log` first. */
export function talkative(event: Record<string, unknown>): Promise<Uint8Array<ArrayBuffer>> {
  const text = JSON.stringify(event);
  return wat(`(module
    (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
    (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "kubewardentracinglog${text.replaceAll('"', '\\"')}")
    (data (i32.const 500) "{\\"accepted\\":true,\\"valid\\":true}")
    (func (export "__guest_call") (param i32 i32) (result i32)
      (drop (call $host_call (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 7) (i32.const 17) (i32.const 3)
        (i32.const 20) (i32.const ${text.length})))
      (call $guest_response (i32.const 500) (i32.const 30)) (i32.const 1)))`);
}

/** A guest that says the same to every request. */
export function answering(answer: Record<string, unknown>): Promise<Uint8Array<ArrayBuffer>> {
  const text = JSON.stringify({ valid: true, ...answer });
  return wat(`(module
    (import "wapc" "__guest_response" (func $guest_response (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "${text.replace(/["\\]/g, "\\$&")}")
    (func (export "__guest_call") (param i32 i32) (result i32)
      (call $guest_response (i32.const 0) (i32.const ${new TextEncoder().encode(text).length})) (i32.const 1)))`);
}

/** URL of a built example, e.g. `privileged-pods/policy` or `hostile/trap`. */
export function exampleUrl(name: string): string {
  return new URL(`../../../examples/policies/${name}.wasm`, import.meta.url).href;
}

/** A policy to run, made of a module's bytes or an example's name. */
export async function runnableOf(
  source: Uint8Array<ArrayBuffer> | string,
  o: { settings?: string; timeoutMs?: number } = {},
): Promise<Runnable> {
  const bytes = typeof source === "string" ? await readBytes(new URL(exampleUrl(source)).pathname) : source;
  const { module, metadata } = await compileModule(bytes, { serverVersion: "1.36.0" });
  const policy = typeof source === "string" ? source : "test";
  const capabilities = { all: false, prefixes: [], exact: [] };
  return {
    policy,
    digest: crypto.randomUUID(),
    mode: metadata.executionMode,
    module,
    settings: o.settings ?? "{}",
    timeoutMs: o.timeoutMs ?? 2000,
    capabilities,
    contextAwareResources: [],
  };
}
