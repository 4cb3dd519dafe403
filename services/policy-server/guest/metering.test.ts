import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import wabt from "wabt";
import { runtimeCommand } from "../../../tools/runtimes.ts";
import { armMetering } from "./arm-metering.ts";
import { Deadline } from "./deadline.ts";
import { checkTable, meterModule } from "./metering.ts";

const examples = join(import.meta.dirname ?? "", "../../../examples/policies");
const options = { maxMemoryPages: 2048 };

/** One `__guest_call` on a fresh instance, with just the part of waPC that the example guests use. */
function call(wasm: Uint8Array, operation: string, payload: string, deadline = new Deadline(undefined)) {
  const [op, message] = [operation, payload].map((each) => new TextEncoder().encode(each));
  let response: string | undefined;
  const bytes = () => new Uint8Array((instance.exports.memory as WebAssembly.Memory).buffer);
  const text = (at: number, length: number) => response = new TextDecoder().decode(bytes().subarray(at, at + length));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>), {
    wapc: {
      __guest_request: (opAt: number, at: number) => (bytes().set(op!, opAt), bytes().set(message!, at)),
      __guest_response: text,
      __guest_error: text,
    },
  });
  armMetering(instance, () => deadline.check());
  const guestCall = instance.exports.__guest_call as (operation: number, payload: number) => number;
  return { result: guestCall(op!.length, message!.length), response, pages: bytes().length / 65536 };
}

function example(name: string): Uint8Array {
  return readFileSync(join(examples, `${name}.wasm`));
}

const payloads = [
  '{"request":{"object":{"spec":{"containers":[{"image":"a","securityContext":{"privileged":true}}]}}},"settings":{}}',
  '{"request":{"object":{"metadata":{"labels":{"a":"1"}}}},"settings":{"labels":{"b":"2"}}}',
  '{"request":{"object":{}},"settings":{"labels":["x","y"]}}',
];
for (const name of ["privileged-pods", "add-labels", "required-labels"]) {
  test(`metering: ${name} answers as it did before`, () => {
    const plain = example(`${name}/policy`);
    const metered = meterModule(plain, options);
    for (const payload of payloads) {
      assert.equal(call(metered, "validate", payload), call(plain, "validate", payload));
      assert.equal(call(metered, "validate_settings", payload), call(plain, "validate_settings", payload));
    }
  });
}

test("metering: every hostile example stays a valid module", () => {
  for (const file of readdirSync(join(examples, "hostile")).filter((each) => each.endsWith(".wasm"))) {
    const metered = meterModule(readFileSync(join(examples, "hostile", file)), options);
    assert.ok(WebAssembly.validate(metered as Uint8Array<ArrayBuffer>), file);
  }
});

test("metering: a guest in an endless loop stops at its deadline", () => {
  const deadline = new Deadline(50);
  assert.throws(() => call(meterModule(example("hostile/endless-loop"), options), "validate", "{}", deadline));
  assert.ok(deadline.passed);
});

test("metering: memory.grow fails at the limit, and the guest goes on", () => {
  const wasm = meterModule(example("hostile/huge-answer"), { maxMemoryPages: 100 });
  assert.throws(() => call(wasm, "validate", "{}"), /unreachable/);
  const answer = call(meterModule(example("hostile/huge-answer"), options), "validate", "{}");
  assert.is(answer.pages, 1026);
});

test("metering: a module that starts with more memory than the limit is refused", () => {
  assert.throws(
    () => meterModule(example("hostile/trap"), { maxMemoryPages: 1 }),
    (error: { code: string }) => error.code === "MODULE_UNSUPPORTED",
  );
});

test("metering: metering twice is refused, since the names are reserved", () => {
  const once = meterModule(example("hostile/trap"), options);
  assert.throws(() => meterModule(once, options), (error: { code: string }) => error.code === "MODULE_UNSUPPORTED");
});

test("metering: a module without functions, tables or exports is metered too", () => {
  const metered = meterModule(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), options);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(metered as Uint8Array<ArrayBuffer>));
  assert.ok(instance.exports[checkTable] instanceof WebAssembly.Table);
});

test("metering: a guest that catches everything cannot catch its deadline", async () => {
  const source =
    `(module (func (export "spin") (loop $again (try (do (loop $spin (br $spin))) (catch_all)) (br $again))))`;
  const module = (await wabt()).parseWat("catcher.wat", source, { exceptions: true });
  const metered = meterModule(module.toBinary({}).buffer, options);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(metered as Uint8Array<ArrayBuffer>));
  const deadline = new Deadline(50);
  armMetering(instance, () => deadline.check());
  assert.throws(() => (instance.exports.spin as () => void)());
  assert.ok(deadline.passed);
});

test("metering: tables cannot grow without end, and too many entries are refused", async () => {
  const grower = `(module (table $t 10 funcref)
    (func (export "grow") (result i32) (table.grow $t (ref.null func) (i32.const 1000000))))`;
  const binary = (source: string) =>
    engine.parseWat("table.wat", source, { reference_types: true }).toBinary({}).buffer;
  const engine = await wabt();
  const metered = meterModule(binary(grower), options) as Uint8Array<ArrayBuffer>;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(metered));
  assert.is((exports.grow as () => number)(), -1);
  assert.throws(
    () => meterModule(binary("(module (table 5000000 funcref))"), options),
    (error: { code: string }) => error.code === "MODULE_UNSUPPORTED",
  );
});

test("metering: types of garbage-collected objects are refused, since nothing bounds their memory", () => {
  const struct = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x5f, 1, 0x7f, 0);
  assert.ok(WebAssembly.validate(struct));
  assert.throws(() => meterModule(struct, options), (error: { code: string }) => error.code === "MODULE_UNSUPPORTED");
});

/** What a module does when each function it exports is called in turn: results, traps, calls of its imports, memory. */
function behaviourOf(wasm: Uint8Array): string[] {
  const module = new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>);
  const seen: string[] = [];
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const called = (...given: unknown[]) => {
      seen.push(`${name} ${given.map(String)}`);
      return 0;
    };
    // The generator imports functions, and references, which may be null.
    (imports[from] ??= {})[name] = kind === "function" ? called : null as unknown as WebAssembly.ImportValue;
  }
  const instance = new WebAssembly.Instance(module, imports);
  armMetering(instance, () => {});
  for (const [name, exported] of Object.entries(instance.exports)) {
    if (name.startsWith("kubewarden-edge:")) continue;
    if (exported instanceof WebAssembly.Memory) {
      const bytes = new Uint8Array(exported.buffer);
      seen.push(`${name} ${bytes.length} ${bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 0)}`);
    }
    if (typeof exported !== "function") continue;
    try {
      seen.push(`${name} = ${String(exported())}`);
    } catch (error) {
      seen.push(`${name} fails: ${(error as Error).name} ${(error as Error).message}`);
    }
  }
  return seen;
}

test("metering: generated modules with many features stay valid and do what they did", () => {
  const folder = mkdtempSync(join(tmpdir(), "metering-"));
  const features = "simd bulk-memory reference-types multivalue tail-call sign-ext nontrapping-float-to-int " +
    "mutable-globals extended-const relaxed-simd multimemory memory64";
  const wasmOpt = join(dirname(createRequire(import.meta.url).resolve("binaryen/package.json")), "bin", "wasm-opt");
  const { command, args } = runtimeCommand("node");
  try {
    for (let seed = 1; seed <= 4; seed++) {
      let state = seed;
      const bytes = Uint8Array.from({ length: 6000 }, () => (state = (state * 48271) % 2147483647) & 0xff);
      writeFileSync(join(folder, "random"), bytes);
      const flags = ["-ttf", join(folder, "random"), "-o", join(folder, "out.wasm"), "--mvp-features"]
        .concat(features.split(" ").map((each) => `--enable-${each}`));
      const { status, stderr } = spawnSync(command, [...args, wasmOpt, ...flags], { encoding: "utf8" });
      assert.is(status, 0, stderr);
      const plain = readFileSync(join(folder, "out.wasm"));
      assert.ok(WebAssembly.validate(plain), `seed ${seed}: the generator made an invalid module`);
      const metered = meterModule(plain, { maxMemoryPages: 65536 }) as Uint8Array<ArrayBuffer>;
      assert.ok(WebAssembly.validate(metered), `seed ${seed}`);
      const [before, after] = [plain, metered].map(behaviourOf);
      assert.ok((before?.length ?? 0) > 0, `seed ${seed}: the generator exported nothing to call`);
      assert.equal(after, before, `seed ${seed}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
