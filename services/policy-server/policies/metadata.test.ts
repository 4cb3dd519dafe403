import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileModule } from "../modules/compile.ts";
import { wat, withSection } from "../testing/guests.ts";

const good = { protocolVersion: "v1", rules: [], mutating: false };
const empty = "(module)";

async function codeOf(bytes: Uint8Array<ArrayBuffer>): Promise<[string, string]> {
  try {
    await compileModule(bytes, { serverVersion: "1.36.0" });
    return ["fine", ""];
  } catch (error) {
    return [(error as { code: string }).code, (error as Error).message];
  }
}

const cases: [string, unknown, string, RegExp][] = [
  ["the usual", good, "fine", /^$/],
  ["unknown members and null ones", { ...good, contextAware: true, minimumKubewardenVersion: null }, "fine", /^$/],
  ["no section", null, "MODULE_INCOMPATIBLE", /missing protocol version/],
  ["no protocol version", { ...good, protocolVersion: undefined }, "MODULE_INCOMPATIBLE", /missing protocol version/],
  [
    "an unknown protocol",
    { ...good, protocolVersion: "Unknown" },
    "MODULE_INCOMPATIBLE",
    /version Unknown but only V1/,
  ],
  ["an execution mode that nobody has", { ...good, executionMode: "test" }, "MODULE_INVALID", /executionMode/],
  ["a newer patch release", { ...good, minimumKubewardenVersion: "1.36.9-rc1" }, "fine", /^$/],
  [
    "a newer minor release",
    { ...good, minimumKubewardenVersion: "1.37.0" },
    "MODULE_INCOMPATIBLE",
    /^Policy required Kubewarden version 1\.37\.0 but is running on 1\.36\.0$/,
  ],
  ["no rules", { protocolVersion: "v1", mutating: true }, "MODULE_INVALID", /io\.kubewarden\.metadata[^]*rules/],
];
for (const [name, section, code, message] of cases) {
  test(`metadata: ${name}`, async () => {
    const [actual, text] = await codeOf(await wat(empty, section));
    assert.is(actual, code);
    assert.match(text, message);
  });
}

test("metadata: a section that is no JSON", async () => {
  const [code] = await codeOf(withSection(await wat(empty, null), "{"));
  assert.is(code, "MODULE_INVALID");
});

test("module: an import that no policy has is named", async () => {
  const [code, message] = await codeOf(await wat('(module (import "env" "read_file" (func)))'));
  assert.equal([code, message], ["MODULE_INVALID", "unknown import: `env::read_file`"]);
});

test("module: what does not compile", async () => {
  const [code, message] = await codeOf(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 99));
  assert.is(code, "MODULE_INVALID");
  assert.match(message, /^cannot compile wasm module/);
});

test.run();
