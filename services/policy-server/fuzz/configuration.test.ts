import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ErrorCode, KubewardenError } from "../../../contracts/errors.ts";
import { stringifyJson } from "../../../contracts/json.ts";
import type { PoliciesFile, RunnableEntry, SourcesFile } from "../../../contracts/policy-config.ts";
import { readPolicies, readSources } from "../policies/read-config.ts";
import { forCases, shown } from "./cases.ts";
import { mutatedBytes } from "./mutate-bytes.ts";
import { mutatedJson, printed } from "./mutate-json.ts";
import type { Random } from "./random.ts";

const folder = await mkdtemp(join(tmpdir(), "fuzz-configuration-"));
test.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const runnable = {
  module: "file:///p.wasm",
  settings: { list: [1, 2.5, "x"], nested: { flag: true, none: null } },
  contextAwareResources: [{ apiVersion: "v1", kind: "Pod" }],
  timeoutEvalSeconds: 3,
  hostCapabilities: ["kubernetes/*"],
};
const policies = {
  "pod-privileged": { ...runnable, policyMode: "monitor", allowedToMutate: true, message: "no" },
  "small": { module: "registry://ghcr.io/p:v1" },
  "group": { policies: { a: runnable, b: { module: "https://x/y.wasm" } }, expression: "a() || b()", message: "no" },
};
const sources = {
  insecure_sources: ["localhost:5000", "registry.local"],
  source_authorities: { "registry.local": [{ type: "Data", data: "PEM" }, { type: "Path", path: "/ca.pem" }] },
  proxies: { http_proxy: "http://proxy:3128", https_proxy: null, no_proxy: "a,b" },
};

const policiesYaml = `# policies
pod-privileged: &first
  module: file:///p.wasm
  policyMode: monitor
  settings: {list: [1, 2.5, 'x'], big: 12345678901234567890, "quoted": "\\u0041"}
  message: >-
    folded
    text
again: *first
group:
  policies:
    a:
      module: https://x/y.wasm
      settings:
      - not
  expression: a()
  message: |
    no
`;
const sourcesYaml = `insecure_sources: [localhost:5000]
source_authorities:
  registry.local:
  - {type: Data, data: [45, 45]}
  - type: Path
    path: /ca.pem
proxies:
  no_proxy: "a"
`;
const traps = [
  "a: &a [*a]",
  "a: &a\n  module: x\n  settings: *a",
  `a: &a ["x","x"]\n${
    Array.from({ length: 20 }, (_, i) => `b${i}: &b${i} [${`*${i === 0 ? "a" : `b${i - 1}`},`.repeat(9)}]`).join("\n")
  }`,
  "p: {module: !!js/function 'x'}",
  "<<: {module: x}",
  "p: {<<: {module: x}}",
  "? [a, b]\n: {module: x}",
  "? {module: x}\n: y",
  "--- {}\n--- {}",
  "%YAML 9.9\n---\n{}",
  "p: {module: x}\np: {module: y}",
  "__proto__: {module: x}",
  "p: {module: x, settings: {__proto__: {polluted: true}}}",
  "constructor: {prototype: {polluted: true}}",
  "p:\n\tmodule: x",
  "p: {module: x, timeoutEvalSeconds: .inf, settings: {a: .nan, b: 0x10, c: 1_000, d: 2001-01-01}}",
  "",
  "null",
  "~",
  "7",
  "[]",
  "'text'",
  `${"[".repeat(100_000)}`,
  `${"[".repeat(5000)}${"]".repeat(5000)}`,
  `p: ${"{a: ".repeat(5000)}1${"}".repeat(5000)}`,
  `${Array.from({ length: 3000 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")}`,
  `{"p":{"module":"x","settings":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`,
  `{"p":{"module":"x","settings":{"a":1.0,"b":${'{"c":'.repeat(100_000)}1${"}".repeat(100_000)}}}}`,
  `p: {module: ${"x".repeat(1024 * 1024)}}`,
];

/** The text of a file as JSON or YAML, whole or damaged. */
function randomFile(random: Random, { json, yaml }: { json: unknown; yaml: string }): Uint8Array {
  if (random.oneIn(3)) return mutatedBytes(random, new TextEncoder().encode(yaml));
  const bytes = new TextEncoder().encode(printed(random, random.oneIn(6) ? json : mutatedJson(random, json)));
  return random.oneIn(5) && bytes.length < 20_000 ? mutatedBytes(random, bytes) : bytes;
}

/** Reads a file of these bytes; an error must be ours, with the code for it. */
async function read<T>(
  bytes: Uint8Array,
  reader: (path: string) => Promise<T>,
  code: ErrorCode,
): Promise<T | undefined> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, bytes);
  try {
    return await reader(path);
  } catch (error) {
    assert.instance(error, KubewardenError, `${error}: ${shown(bytes)}`);
    assert.is((error as KubewardenError).code, code, shown(bytes));
    assert.not.match(
      (error as KubewardenError).message,
      /\n\s+at |node_modules|call stack|is not a function|Cannot read prop/,
    );
    return undefined;
  } finally {
    await rm(path);
  }
}

function checkPolicies(file: PoliciesFile): void {
  for (const [id, entry] of file) {
    assert.ok(!id.includes("/"));
    assert.ok(["protect", "monitor"].includes(entry.policyMode));
    if (entry.kind === "policy") {
      checkRunnable(entry);
      continue;
    }
    assert.equal([typeof entry.expression, typeof entry.message], ["string", "string"]);
    for (const [name, member] of entry.policies) {
      assert.ok(!name.includes("/"));
      checkRunnable(member);
    }
  }
}

function checkRunnable(
  { module, settings, timeoutEvalSeconds, hostCapabilities, contextAwareResources }: RunnableEntry,
): void {
  assert.type(module, "string");
  const written = stringifyJson(settings);
  assert.ok(written.startsWith("{"), shown(written));
  JSON.parse(written);
  assert.ok(timeoutEvalSeconds === undefined || (Number.isInteger(timeoutEvalSeconds) && timeoutEvalSeconds >= 0));
  assert.ok(hostCapabilities.every((each) => typeof each === "string"));
  assert.ok(
    contextAwareResources.every((each) => typeof each.apiVersion === "string" && typeof each.kind === "string"),
  );
}

function checkSources({ insecureSources, sourceAuthorities, proxies }: SourcesFile): void {
  assert.ok([...insecureSources].every((each) => typeof each === "string"));
  for (const authority of [...sourceAuthorities.values()].flat()) assert.ok(["Path", "Data"].includes(authority.type));
  assert.ok(Object.values(proxies ?? {}).every((each) => each === undefined || typeof each === "string"));
}

const readers = {
  policies: (bytes: Uint8Array) => read(bytes, readPolicies, "POLICIES_FILE_INVALID"),
  sources: (bytes: Uint8Array) => read(bytes, readSources, "SOURCES_FILE_INVALID"),
};

test("fuzz: policies.yml is read, every entry of the right kind, or refused with the code for it", async () => {
  let wholes = 0;
  await forCases({ count: 2000, atOnce: 4 }, async (random) => {
    const file = await readers.policies(randomFile(random, { json: policies, yaml: policiesYaml }));
    if (file === undefined) return;
    checkPolicies(file);
    wholes++;
  });
  assert.ok(wholes > 0);
  assert.is(({} as { polluted?: unknown }).polluted, undefined);
});

test("fuzz: sources.yml is read, every member of the right kind, or refused with the code for it", async () => {
  let wholes = 0;
  await forCases({ count: 1000, atOnce: 4 }, async (random) => {
    const file = await readers.sources(randomFile(random, { json: sources, yaml: sourcesYaml }));
    if (file === undefined) return;
    checkSources(file);
    wholes++;
  });
  assert.ok(wholes > 0);
});

for (const [index, text] of traps.entries()) {
  test(`fuzz: trap ${index}, ${text.slice(0, 30).replaceAll("\n", " ")}, is read or refused like any file`, async () => {
    const bytes = new TextEncoder().encode(text);
    const file = await readers.policies(bytes);
    if (file !== undefined) checkPolicies(file);
    const others = await readers.sources(bytes);
    if (others !== undefined) checkSources(others);
    assert.is(({} as { polluted?: unknown }).polluted, undefined);
  });
}

test.run();
