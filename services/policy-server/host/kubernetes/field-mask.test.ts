import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJson, stringifyJson } from "../../../../contracts/json.ts";
import { applyFieldMask, parseFieldMask } from "./field-mask.ts";

const cases: [string, string[], string, string][] = [
  ["paths and names", ["a.b", "d"], '{"a":{"b":1,"c":2},"d":[3],"e":4}', '{"a":{"b":1},"d":[3]}'],
  ["nested paths", ["a.b.c"], '{"a":{"b":{"c":1,"x":2},"x":3},"x":4}', '{"a":{"b":{"c":1}}}'],
  [
    "arrays, which are looked through",
    ["users.name"],
    '{"users":[{"name":"a","age":1},{"name":"b"}]}',
    '{"users":[{"name":"a"},{"name":"b"}]}',
  ],
  [
    "arrays in arrays",
    ["a.b.c"],
    '{"a":[{"b":[{"c":1,"d":2},{"d":3}]},[{"b":{"c":4}}]]}',
    '{"a":[{"b":[{"c":1},{}]},[{"b":{"c":4}}]]}',
  ],
  [
    "a name, with everything below",
    ["user"],
    '{"user":{"name":"a","tags":[{"b":1}]},"x":1}',
    '{"user":{"name":"a","tags":[{"b":1}]}}',
  ],
  ["a path and one above it", ["user.name", "user"], '{"user":{"name":"a","age":1}}', '{"user":{"name":"a","age":1}}'],
  ["no members that are there", ["x"], '{"a":1}', "{}"],
  ["numbers as they were written", ["a.b"], '{"a":{"b":9007199254740993,"c":1.0}}', '{"a":{"b":9007199254740993}}'],
  ["null and what is no object", ["a.b", "c.d"], '{"a":null,"c":1.0}', '{"a":null,"c":1.0}'],
  ["names of prototypes", ["__proto__.a", "constructor"], '{"__proto__":{"a":1,"b":2},"x":1}', '{"__proto__":{"a":1}}'],
];
for (const [what, paths, value, expected] of cases) {
  test(`AT-074: a field mask keeps ${what}`, () => {
    const mask = parseFieldMask(paths);
    assert.is(mask && stringifyJson(applyFieldMask(parseJson(value), mask)), expected);
  });
}

test("field mask: none and an empty list keep everything", () => {
  assert.is(parseFieldMask(null), undefined);
  assert.is(parseFieldMask([]), undefined);
});

test.run();
