import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { stringifyJson } from "../../../contracts/json.ts";
import { parseYaml, readPolicies, readSources } from "./read-config.ts";

const folder = await mkdtemp(join(tmpdir(), "read-config-"));
test.after(() => rm(folder, { recursive: true }));

async function file(text: string): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, text);
  return path;
}

const values: [string, string][] = [
  ['{"a": 9007199254740993, "b": 1.0}', '{"a":9007199254740993,"b":1.0}'],
  [
    "a: 9007199254740993\nb: 1.0\nc: '1.0'\nd: 0x10\ne: [1, 2]",
    '{"a":9007199254740993,"b":1.0,"c":"1.0","d":16,"e":[1,2]}',
  ],
  ["{a: 1, b: yes}", '{"a":1,"b":"yes"}'],
];
for (const [text, expected] of values) {
  test(`config files: ${JSON.stringify(text)} keeps its numbers`, () => {
    assert.is(stringifyJson(parseYaml(text)), expected);
  });
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

test("config files: sources", async () => {
  const sources = await readSources(await file("insecure_sources: [localhost:5000]"));
  assert.ok(sources.insecureSources.has("localhost:5000"));
  assert.is((await readSources(undefined)).insecureSources.size, 0);
});

test.run();
