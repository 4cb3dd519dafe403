import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJson } from "../../contracts/json.ts";
import { celErrors } from "./cel-rules.ts";
import { renderFieldError } from "./field-error.ts";
import type { Schema } from "./schema.ts";

const text = { type: "string" } as const;
const rule = (expression: string, more: object = {}) => ({
  "x-kubernetes-validations": [{ rule: expression, ...more }],
});
const object = (properties: Record<string, Schema>, expression: string, more: object = {}): Schema => ({
  type: "object",
  properties,
  ...rule(expression, more),
});

/** Circumstance, schema, value as JSON, old value, and the errors. */
const rows: [string, Schema, string, string | undefined, string[]][] = [
  ["a rule that holds", { type: "integer", ...rule("self < 10") }, "9", undefined, []],
  ["a rule that fails, without message", { type: "integer", ...rule("self < 10") }, "10", undefined, [
    'v: Invalid value: "integer": failed rule: self < 10',
  ]],
  [
    "an integer beyond 2^53 compares exactly",
    { type: "integer", ...rule("self == 9007199254740993") },
    "9007199254740993",
    undefined,
    [],
  ],
  ["a message", { type: "integer", ...rule("self < 10", { message: "too much" }) }, "10", undefined, [
    'v: Invalid value: "integer": too much',
  ]],
  [
    "a messageExpression",
    { type: "integer", ...rule("self < 10", { messageExpression: "'not ' + string(self)" }) },
    "10",
    undefined,
    ['v: Invalid value: "integer": not 10'],
  ],
  [
    "a reason",
    { type: "integer", ...rule("false", { reason: "FieldValueForbidden", message: "no" }) },
    "1",
    undefined,
    ["v: Forbidden: no"],
  ],
  ["a fieldPath", object({ a: text }, "false", { fieldPath: ".a", message: "no" }), '{"a":"x"}', undefined, [
    'v.a: Invalid value: "object": no',
  ]],
  ["a field that is missing", object({ a: text }, "self.a == ''"), "{}", undefined, [
    "v: Invalid value: \"object\": No such key: a evaluating rule: self.a == ''",
  ]],
  ["has() of a missing field", object({ a: text }, "!has(self.a)"), "{}", undefined, []],
  [
    "has() behind an index",
    {
      type: "object",
      additionalProperties: { type: "object", properties: { a: text } },
      ...rule("self.all(k, has(self[k].a))"),
    },
    '{"x":{"a":"1"},"y":{}}',
    undefined,
    ['v: Invalid value: "object": failed rule: self.all(k, has(self[k].a))'],
  ],
  [
    "a reserved word as a name",
    object({ namespace: text }, "self.__namespace__ == 'a'"),
    '{"namespace":"a"}',
    undefined,
    [],
  ],
  ["a dashed name", object({ "a-b": text }, "self.a__dash__b == 'a'"), '{"a-b":"a"}', undefined, []],
  [
    "an int-or-string",
    { "x-kubernetes-int-or-string": true, ...rule("type(self) == int ? self > 0 : self.endsWith('%')") },
    '"5%"',
    undefined,
    [],
  ],
  [
    "quantities",
    object({ a: text, b: text }, "quantity(self.a).isLessThan(quantity(self.b))"),
    '{"a":"500m","b":"1"}',
    undefined,
    [],
  ],
  [
    "quantities the other way round",
    object({ a: text, b: text }, "quantity(self.a).isLessThan(quantity(self.b))"),
    '{"a":"1Gi","b":"1000M"}',
    undefined,
    ['v: Invalid value: "object": failed rule: quantity(self.a).isLessThan(quantity(self.b))'],
  ],
  [
    "a sum over a map",
    { type: "object", additionalProperties: { type: "integer" }, ...rule("self.map(k, self[k]).sum() <= 3") },
    '{"a":1,"b":2}',
    undefined,
    [],
  ],
  ["a transition rule on creation", { ...text, ...rule("self == oldSelf") }, '"a"', undefined, []],
  ["a transition rule on change", { ...text, ...rule("self == oldSelf", { message: "fixed" }) }, '"a"', '"b"', [
    'v: Invalid value: "string": fixed',
  ]],
  ["a broken rule on what did not change", { ...text, ...rule("false") }, '"a"', '"a"', []],
  [
    "sets in another order",
    { type: "array", "x-kubernetes-list-type": "set", items: text, ...rule("self == oldSelf") },
    '["a","b"]',
    '["b","a"]',
    [],
  ],
  [
    "items of a map list against their old selves",
    {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["n"],
      items: object({ n: text, x: text }, "self.x == oldSelf.x", { message: "fixed" }),
    },
    '[{"n":"b","x":"2"},{"n":"a","x":"1"}]',
    '[{"n":"a","x":"1"},{"n":"b","x":"1"}]',
    ['v[0]: Invalid value: "object": fixed'],
  ],
];

for (const [circumstance, schema, value, old, expected] of rows) {
  test(`rules: ${circumstance}`, () => {
    const errors = celErrors(schema, parseJson(value), old === undefined ? undefined : parseJson(old), "v");
    assert.equal(errors.map(renderFieldError), expected);
  });
}

test("rules: at the root the path is <nil>", () => {
  const [error] = celErrors(object({}, "false", { message: "no" }), {});
  assert.is(error && renderFieldError(error), '<nil>: Invalid value: "object": no');
});

test.run();
