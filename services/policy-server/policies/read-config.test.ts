import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { stringifyJson } from "../../../contracts/json.ts";
import { createLog } from "../../../runtime/telemetry/log.ts";
import { readDockerConfig, readPolicies, readSources, readTrustConfig, readVerification } from "./read-config.ts";

const folder = await mkdtemp(join(tmpdir(), "read-config-"));
test.after(() => rm(folder, { recursive: true }));

async function file(text: string | Uint8Array): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, text);
  return path;
}

test("config files: policies.yml as people write it", async () => {
  const path = await file("p:\n  module: file:///p.wasm\n  settings:\n    limit: 12345678901234567890\n");
  const entry = (await readPolicies(path)).get("p");
  assert.is(entry?.kind === "policy" && stringifyJson(entry.settings), '{"limit":12345678901234567890}');
});

test("config files: a policies file that is not there or broken is named", async () => {
  for (const path of [join(folder, "none"), await file("a: [")]) {
    try {
      await readPolicies(path);
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code: string }).code, "POLICIES_FILE_INVALID");
      assert.ok((error as Error).message.startsWith(`error while loading policies from "${path}": `));
    }
  }
});

test("AT-031: a policy and a group are read as they are written, with defaults for what is left out", async () => {
  const path = await file(`
example:
  module: file:///example.wasm
  settings: {}
  allowedToMutate: true
  message: my custom error message
  contextAwareResources:
  - {apiVersion: v1, kind: Namespace}
  - {apiVersion: v1, kind: Pod}
  hostCapabilities: ["kubernetes/*"]
group_policy:
  policyMode: monitor
  message: group policy message
  expression: policy1() && policy2()
  policies:
    policy1: {module: file:///policy1.wasm, settings: {}}
    policy2: {module: file:///policy2.wasm, settings: {}}
`);
  const file1 = await readPolicies(path);
  assert.equal(file1.get("example"), {
    kind: "policy",
    module: "file:///example.wasm",
    settings: {},
    policyMode: "protect",
    allowedToMutate: true,
    message: "my custom error message",
    contextAwareResources: [{ apiVersion: "v1", kind: "Namespace" }, { apiVersion: "v1", kind: "Pod" }],
    hostCapabilities: ["kubernetes/*"],
  });
  const member = (name: string) => [name, {
    module: `file:///${name}.wasm`,
    settings: {},
    contextAwareResources: [],
    hostCapabilities: [],
  }];
  assert.equal(file1.get("group_policy"), {
    kind: "group",
    policyMode: "monitor",
    message: "group policy message",
    expression: "policy1() && policy2()",
    policies: new Map([member("policy1"), member("policy2")] as [string, unknown][]),
  });
});

/** What the settings of a policy are read as; `settings` is their line in the file. */
async function settingsOf(settings: string): Promise<string> {
  const entry = (await readPolicies(await file(`p:\n  module: file:///p.wasm\n${settings}`))).get("p");
  return entry?.kind === "policy" ? stringifyJson(entry.settings) : "no policy";
}

test("AT-032: settings that are empty, missing or null are empty, nested ones are kept", async () => {
  for (const settings of ["  settings: {}\n", "", "  settings:\n", "  settings: null\n"]) {
    assert.is(await settingsOf(settings), "{}");
  }
  const nested = "  settings:\n    counter: 1\n    items: [a, b]\n    nested: {key: value}\n";
  assert.is(await settingsOf(nested), '{"counter":1,"items":["a","b"],"nested":{"key":"value"}}');
});

test("AT-034: a slash in the name of a policy or of a group's member is refused", async () => {
  const group = (member: string) => `g: {expression: "true", message: m, policies: {${member}: {module: m}}}`;
  assert.is((await readPolicies(await file(`example: {module: m}\n${group("policy1")}`))).size, 2);
  for (const text of ["example/invalid: {module: m}", group("policy1/a")]) {
    const error = await readPolicies(await file(text)).catch((each: Error) => each);
    assert.match((error as Error).message, /policy name 'example\/invalid' contains|invalid names: \["policy1\/a"\]/);
  }
});

test("AT-068: settings are an object or null; a text, a number and a boolean are refused", async () => {
  assert.is(await settingsOf('  settings: {"a": {"b": 1}}\n'), '{"a":{"b":1}}');
  for (const settings of ["{}", "null"]) assert.is(await settingsOf(`  settings: ${settings}\n`), "{}");
  for (const settings of ['"text"', "1", "1.0", "true", "[]"]) {
    const error = await settingsOf(`  settings: ${settings}\n`).catch((each: Error) => each);
    assert.match((error as Error).message, "policy 'p': settings: expected an object");
  }
});

const broken: [string, string | Uint8Array, string][] = [
  ["bytes that are not UTF-8", new Uint8Array([97, 58, 32, 49, 10, 0xff, 0xfe]), "line 2 is not UTF-8"],
  ["more than 8 MiB", new Uint8Array(8 * 1024 * 1024 + 1).fill(32), "larger than 8388608 bytes"],
  ["nothing", "", 'policies file: expected a map of policies by name; without policies write "{}"'],
  ["a policy twice", "a: {module: m}\nb: {module: m}\na: {module: n}\n", "a: defined twice (lines 1 and 3)"],
  ["settings that are text", "a:\n  module: m\n  settings: b\n", "policy 'a': settings: expected an object (line 3)"],
];
for (const [what, content, message] of broken) {
  test(`config files: a policies file of ${what} is refused`, async () => {
    const path = await file(content);
    const error = await readPolicies(path).catch((each: Error) => each);
    assert.ok(error instanceof Error);
    assert.ok(error.message.startsWith(`error while loading policies from "${path}": ${message}`), error.message);
  });
}

test("config files: a folder in place of a file is called one", async () => {
  const error = await readPolicies(folder).catch((each: Error) => each);
  assert.ok(error instanceof Error);
  assert.is(error.message, `error while loading policies from "${folder}": it is a directory, not a file`);
});

test("config files: a byte order mark and Windows line ends do no harm", async () => {
  assert.equal([...(await readPolicies(await file("\ufeffa:\r\n  module: m\r\n"))).keys()], ["a"]);
  assert.equal([...(await readPolicies(await file('\ufeff{"a":{"module":"m"}}'))).keys()], ["a"]);
});

test("config files: a misspelled field is warned about, with what it may mean", async () => {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  await readPolicies(await file("a: {module: m, hostCapabilites: ['*']}"), log);
  assert.is(lines.length, 1);
  const { level, policy, field, meant } = JSON.parse(lines[0] ?? "");
  assert.equal([level, policy, field, meant], ["warn", "a", "hostCapabilites", "hostCapabilities"]);
});

test("config files: verification requirements are named by file and line", async () => {
  const path = await file("apiVersion: v1\nallOf:\n- kind: githubAction\n");
  const error = await readVerification(path).catch((each: { code: string; message: string }) => each) as {
    code: string;
    message: string;
  };
  assert.is(error.code, "VERIFICATION_FILE_INVALID");
  const problem = "Not a valid configuration file: allOf.0: missing field `owner` (line 3)";
  assert.is(error.message, `error while loading verification requirements from "${path}": ${problem}`);
  assert.is(await readVerification(undefined), undefined);
});

test("config files: registry credentials that are no JSON are not quoted", async () => {
  const directory = join(folder, "docker");
  await mkdir(directory);
  await writeFile(join(directory, "config.json"), '{"auths":{"r":{"auth":"c2VjcmV0" "b"}}}');
  const error = await readDockerConfig(directory).catch((each: Error) => each);
  assert.ok(error instanceof Error);
  assert.is(error.message, `Cannot read registry credentials from "${directory}/config.json": not JSON`);
  await writeFile(join(directory, "config.json"), '{"auths":{"r":{"auth":"dTpw"}}}');
  assert.equal((await readDockerConfig(directory)).auths.get("r"), { kind: "password", username: "u", password: "p" });
});

const trustConfigs: [string, string, RegExp][] = [
  ["no JSON", "a: 1", /^could not parse Sigstore trust config file ".*": not JSON$/],
  ["a list", "[]", /^Sigstore trust config file ".*" missing trusted_root field$/],
  ["an object without a root", '{"trustedRoot": null}', /missing trusted_root field$/],
];
for (const [what, text, message] of trustConfigs) {
  test(`config files: a Sigstore trust configuration that is ${what} is refused`, async () => {
    const error = await readTrustConfig(await file(text)).catch((each: Error) => each);
    assert.match((error as Error).message, message);
  });
}

test("config files: a Sigstore trust configuration is read, or not found", async () => {
  await readTrustConfig(await file('{"mediaType": "x", "trustedRoot": {}}'));
  const error = await readTrustConfig(join(folder, "none")).catch((each: Error) => each);
  assert.match((error as Error).message, /^could not read Sigstore trust config file ".*none": ENOENT/);
});

test("config files: sources", async () => {
  const sources = await readSources(await file("insecure_sources: [localhost:5000]"));
  assert.ok(sources.insecureSources.has("localhost:5000"));
  assert.is((await readSources(undefined)).insecureSources.size, 0);
});

test.run();
