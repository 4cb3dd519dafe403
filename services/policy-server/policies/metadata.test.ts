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

test("AT-045: what a policy asks for is compared with this version by major and minor, and may be left out", async () => {
  const wanted: [string | undefined, boolean][] = [
    ["0.36.0", true],
    ["1.35.9", true],
    ["1.36.0", true],
    ["1.36.7", true],
    [undefined, true],
    ["1.37.0", false],
    ["2.0.0", false],
  ];
  for (const [minimumKubewardenVersion, served] of wanted) {
    const [code, message] = await codeOf(await wat(empty, { ...good, minimumKubewardenVersion }));
    assert.is(code, served ? "fine" : "MODULE_INCOMPATIBLE", minimumKubewardenVersion);
    const refusal = `Policy required Kubewarden version ${minimumKubewardenVersion} but is running on 1.36.0`;
    assert.is(message, served ? "" : refusal);
  }
});

test("AT-046: the protocol has to be known for waPC, and does not matter for Rego", async () => {
  assert.is((await codeOf(await wat(empty, good)))[0], "fine");
  assert.equal(await codeOf(await wat(empty, { ...good, protocolVersion: "Unknown" })), [
    "MODULE_INCOMPATIBLE",
    "Policy uses protocol version Unknown but only V1 is supported",
  ]);
  for (const executionMode of ["opa", "gatekeeper"]) {
    const [, message] = await codeOf(await wat(empty, { ...good, protocolVersion: "Unknown", executionMode }));
    assert.not.match(message, /protocol version/);
  }
});

/** One rule about Pods, but for what is said otherwise. */
const rule = (other: Record<string, unknown> = {}) => ({
  apiGroups: [""],
  apiVersions: ["v1"],
  resources: ["pods"],
  operations: ["CREATE"],
  ...other,
});

test("AT-070: the rules of a served module are not judged, its protocol version is", async () => {
  for (const other of [{}, { apiGroups: ["", "*"] }, { apiGroups: [] }, { operations: ["*", "CREATE"] }]) {
    assert.equal(await codeOf(await wat(empty, { ...good, rules: [rule(other)] })), ["fine", ""]);
  }
  const section = { ...good, rules: [rule()] };
  for (const protocolVersion of [undefined, "Unknown"]) {
    assert.is((await codeOf(await wat(empty, { ...section, protocolVersion })))[0], "MODULE_INCOMPATIBLE");
  }
});

test("AT-071: which resources the rules of a served module name does not matter", async () => {
  const lists = [["*", "a/b", "a/*", "*/b"], ["*", "a"], ["a/*", "a/x"], ["a/*", "a"], ["*/a", "x/a"], ["*/*", "a"]];
  for (const resources of lists) {
    assert.equal(await codeOf(await wat(empty, { ...good, rules: [rule({ resources })] })), ["fine", ""]);
  }
});

test("AT-072: what of the cluster a module would like to see is not looked at, as grants are the configuration's", async () => {
  for (const [apiVersion, kind] of [["v1", "Pod"], ["", "Pod"], ["v1", ""]]) {
    const contextAwareResources = [{ apiVersion, kind }];
    assert.equal(await codeOf(await wat(empty, { ...good, contextAwareResources })), ["fine", ""]);
  }
});

test("AT-073: backgroundAudit is true and policyType kubernetes unless said, and contextAware of old does no harm", async () => {
  const { metadata } = await compileModule(await wat(empty, { ...good, contextAware: true }), {
    serverVersion: "1.36.0",
  });
  assert.equal([metadata.backgroundAudit, metadata.policyType], [true, "kubernetes"]);
  assert.is(metadata.executionMode, "kubewarden-wapc");
  const section = { ...good, backgroundAudit: false, policyType: "raw" };
  const said = (await compileModule(await wat(empty, section), { serverVersion: "1.36.0" })).metadata;
  assert.equal([said.backgroundAudit, said.policyType], [false, "raw"]);
});

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
