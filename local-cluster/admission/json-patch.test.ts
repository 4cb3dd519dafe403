import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJson, stringifyJson } from "../../contracts/json.ts";
import { applyJsonPatch } from "./json-patch.ts";

const rows: [string, string, string, string | undefined][] = [
  [
    "adds beside a number beyond 2^53",
    '{"n":9007199254740993}',
    '[{"op":"add","path":"/a","value":1.50}]',
    '{"n":9007199254740993,"a":1.50}',
  ],
  [
    "copies such a number",
    '{"n":9007199254740993}',
    '[{"op":"copy","from":"/n","path":"/m"}]',
    '{"n":9007199254740993,"m":9007199254740993}',
  ],
  [
    "tests such a number",
    '{"n":9007199254740993}',
    '[{"op":"test","path":"/n","value":9007199254740993},{"op":"remove","path":"/n"}]',
    "{}",
  ],
  ["replaces the whole document", '{"a":1}', '[{"op":"replace","path":"","value":{"b":2}}]', '{"b":2}'],
  ["refuses to remove what is not there", "{}", '[{"op":"remove","path":"/a"}]', undefined],
  ["refuses what is no list", "{}", '{"op":"remove"}', undefined],
];

for (const [what, document, patch, expected] of rows) {
  test(`json patch: ${what}`, () => {
    const before = parseJson(document);
    const patched = applyJsonPatch(before, parseJson(patch));
    assert.is(typeof patched === "string" ? undefined : stringifyJson(patched.value), expected);
    assert.is(stringifyJson(before), document);
  });
}

test.run();
