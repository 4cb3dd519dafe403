import { applyPatch } from "rfc6902";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJson } from "../../../contracts/json.ts";
import { jsonPatchText } from "./json-patch.ts";
import { sameNumber } from "./same-number.ts";

const patches: [string, string, string, string | undefined][] = [
  ["nothing changed", '{"a":[1,{"b":null}]}', '{"a":[1,{"b":null}]}', undefined],
  ["members in another order", '{"a":1,"b":2}', '{"b":2,"a":1}', undefined],
  ["the same number written otherwise", '{"a":1.0,"b":100}', '{"a":1,"b":1e2}', undefined],
  [
    "a big integer that was rounded",
    '{"a":9007199254740993}',
    '{"a":9007199254740992}',
    '[{"op":"replace","path":"/a","value":9007199254740992}]',
  ],
  [
    "a big integer",
    '{"a":1}',
    '{"a":12345678901234567890}',
    '[{"op":"replace","path":"/a","value":12345678901234567890}]',
  ],
  ["a number for an object", '{"a":{}}', '{"a":1.50}', '[{"op":"replace","path":"/a","value":1.50}]'],
  ["an added subtree with numbers", "{}", '{"a":{"b":1.0}}', '[{"op":"add","path":"/a","value":{"b":1.0}}]'],
  ["names that need escaping", "{}", '{"a/b~c":1}', '[{"op":"add","path":"/a~1b~0c","value":1}]'],
  ["a removed member", '{"a":1}', "{}", '[{"op":"remove","path":"/a"}]'],
  ["an element added in front", "[2,3]", "[1,2,3]", '[{"op":"add","path":"/0","value":1}]'],
  ["an element removed", "[1,2,3]", "[1,3]", '[{"op":"remove","path":"/1"}]'],
  ["a changed element", '[{"a":1},{"a":2}]', '[{"a":1},{"a":3}]', '[{"op":"replace","path":"/1/a","value":3}]'],
  ["another root", "[1]", "{}", '[{"op":"replace","path":"","value":{}}]'],
];
for (const [name, before, after, expected] of patches) {
  test(`json patch: ${name}`, () => assert.is(jsonPatchText(parseJson(before), parseJson(after)), expected));
}

test("json patch: applied to the original, every patch gives the mutated document", () => {
  let state = 1;
  const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
  const value = (depth: number): unknown => {
    const kind = random(depth > 3 ? 3 : 5);
    if (kind < 3) return [random(3), "x".repeat(random(3)), null][kind];
    if (kind === 3) return Array.from({ length: random(5) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: random(4) }, () => [`k${random(5)}`, value(depth + 1)]));
  };
  for (let round = 0; round < 500; round++) {
    const before = { root: value(0) }, after = { root: value(0) };
    const patch = jsonPatchText(before, after);
    const target = structuredClone(before);
    if (patch !== undefined) applyPatch(target, JSON.parse(patch));
    assert.equal(target, after);
  }
});

test("json patch: a long array with one element more is quick", () => {
  const before = Array.from({ length: 50_000 }, (_, index) => ({ index }));
  const patch = jsonPatchText(before, [{ index: -1 }, ...before]);
  assert.is(patch, '[{"op":"add","path":"/0","value":{"index":-1}}]');
});

test("json patch: a difference on every level does not multiply the work", () => {
  const nested = (depth: number, leaf: number): unknown =>
    depth === 0 ? [leaf] : [nested(depth - 1, leaf), ...(leaf ? [0] : [])];
  const target = nested(60, 0);
  applyPatch(target, JSON.parse(jsonPatchText(target, nested(60, 1)) ?? ""));
  assert.equal(target, nested(60, 1));
});

test("json patch: documents that take too long to compare are refused", () => {
  const before = Array.from({ length: 1_000_001 }, () => 0);
  assert.throws(() => jsonPatchText(before, [...before.slice(1), 1]), /cannot be compared/);
});

const numbers: [string, string, boolean][] = [
  ["1", "1.0", true],
  ["10", "1e1", true],
  ["-0", "0", true],
  ["0.10", "1E-1", true],
  ["9007199254740993", "9007199254740992", false],
  ["1", "-1", false],
  ["1e400", "1e401", false],
  ["1e400", "10e399", true],
];
for (const [left, right, same] of numbers) {
  test(`same number: ${left} and ${right} are ${same ? "" : "not "}the same`, () => {
    assert.is(sameNumber(left, right), same);
  });
}

test.run();
