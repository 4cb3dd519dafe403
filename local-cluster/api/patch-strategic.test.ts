import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Schema } from "../schema/schema.ts";
import { strategicMerge } from "./patch-strategic.ts";

const schema: Schema = {
  type: "object",
  properties: {
    items: {
      type: "array",
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "name",
      items: { type: "object", properties: { name: { type: "string" }, value: { type: "string" } } },
    },
    words: { type: "array", "x-kubernetes-patch-strategy": "merge", items: { type: "string" } },
    atoms: { type: "array", items: { type: "string" } },
  },
};

const cases: [name: string, live: unknown, patch: unknown, expected: unknown][] = [
  [
    "merges keyed items and adds new ones at the end",
    { items: [{ name: "a", value: "1" }] },
    { items: [{ name: "b" }, { name: "a", value: "2" }] },
    { items: [{ name: "a", value: "2" }, { name: "b" }] },
  ],
  ["deletes a keyed item", { items: [{ name: "a" }, { name: "b" }] }, { items: [{ name: "a", $patch: "delete" }] }, {
    items: [{ name: "b" }],
  }],
  ["replaces a list", { items: [{ name: "a" }] }, { items: [{ $patch: "replace" }, { name: "c" }] }, {
    items: [{ name: "c" }],
  }],
  ["adds to a set of words", { words: ["a"] }, { words: ["b", "a"] }, { words: ["a", "b"] }],
  ["deletes from a list of words", { words: ["a", "b"] }, { "$deleteFromPrimitiveList/words": ["a"] }, {
    words: ["b"],
  }],
  ["replaces a list without a strategy", { atoms: ["a"] }, { atoms: ["b"] }, { atoms: ["b"] }],
  ["null removes", { atoms: ["a"], x: 1 }, { atoms: null }, { x: 1 }],
  ["retains only the named keys", { strategy: { a: 1, b: 2 } }, { strategy: { $retainKeys: ["b", "c"], c: 3 } }, {
    strategy: { b: 2, c: 3 },
  }],
  ["replaces a map", { map: { a: 1 } }, { map: { $patch: "replace", b: 2 } }, { map: { b: 2 } }],
  [
    "orders as told",
    { items: [{ name: "a" }, { name: "b" }, { name: "c" }] },
    { "$setElementOrder/items": [{ name: "c" }, { name: "a" }], items: [{ name: "a", value: "1" }] },
    { items: [{ name: "c" }, { name: "a", value: "1" }, { name: "b" }] },
  ],
];

for (const [name, live, patch, expected] of cases) {
  test(`strategic merge: ${name}`, () => assert.equal(strategicMerge(live, patch, schema), expected));
}

test("strategic merge: an item without its merge key is refused", () => {
  assert.throws(() => strategicMerge({}, { items: [{ value: "1" }] }, schema), /merge key: name/);
});

test.run();
