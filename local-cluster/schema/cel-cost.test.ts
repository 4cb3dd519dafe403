import { test } from "uvu";
import * as assert from "uvu/assert";
import { maxCostOf } from "./cel-cost.ts";
import { compileCel, typedEnvironment } from "./cel-environment.ts";
import { celTypeOf } from "./cel-types.ts";
import type { Schema } from "./schema.ts";

const list = (items: Schema): Schema => ({ type: "array", items });
const map = (additionalProperties: Schema): Schema => ({ type: "object", additionalProperties });
const string: Schema = { type: "string" }, number: Schema = { type: "number" }, boolean: Schema = { type: "boolean" };
const intOrString: Schema = { "x-kubernetes-int-or-string": true };
const format = (name: string): Schema => ({ type: "string", format: name });
const text = {
  type: "object",
  properties: { str: string, before: { ...string, maxLength: 2 }, after: { ...string, maxLength: 4 } },
} as const;

/** Rule, schema of `self`, and what an API server of Kubernetes estimates for it. */
const rows: [string, Schema, number][] = [
  ["self.all(x, true)", list(number), 4718591],
  ["self.all(x, true)", { ...list(number), maxItems: 10 }, 32],
  ["self.all(x, true)", list(string), 3145727],
  ["self.all(x, true)", list(boolean), 1887437],
  ["self.all(x, true)", list(list(number)), 3145727],
  ["self.all(x, true)", map(number), 1348169],
  ["self.all(x, true)", map(string), 1179647],
  ["self.all(x, true)", map(boolean), 943718],
  ["self.all(x, true)", list(format("duration")), 2359295],
  ["self.all(x, true)", list(format("date")), 725936],
  ["self.all(x, true)", list(format("date-time")), 428963],
  ["self.all(x, true)", list(intOrString), 4718591],
  ["self.all(x, x == 0.0)", list(number), 6291454],
  ["self.all(x, self.all(y, true))", { ...list(number), maxItems: 10 }, 352],
  ["self.contains('test')", string, 314574],
  ["self.contains('test')", { ...string, maxLength: 10 }, 5],
  ["self.contains('A')", { ...string, enum: ["A", "B", "LongValue"] }, 2],
  ["self.startsWith('test')", string, 2],
  ['size(self + "hello") > size("hello")', string, 314578],
  ["self[1] == 0.0", list(number), 2],
  ["self[1] == self[1]", list(string), 314577],
  ["self.matches('x')", string, 314574],
  ["self.matches('')", string, 1],
  ["self.find('[0-9]+') == ''", string, 629147],
  ["self.all(x, x.contains(self[x]))", map(string), 2752507],
  ["self[0] == 5", list(intOrString), 3],
  ["self[0].x > 2.0", list(map(number)), 4],
  ["self[0].getHours() == 2", list(format("duration")), 4],
  ["oldSelf.size() == self.size()", map({ type: "integer" }), 5],
  ["self['a'] == self['b']", map(format("date-time")), 8],
  ["self.isSorted() == true", list(string), 329854432052],
  ["self.join(' ') == 'aa bb'", list(string), 329853068905],
  ["self.str.replace(self.before, self.after) == 'does not matter'", text, 629154],
  ["self.lowerAscii() == 'lower!'", string, 314575],
];

for (const [rule, schema, cost] of rows) {
  test(`cost of ${rule} on ${JSON.stringify(schema)}`, () => {
    const type = celTypeOf(schema);
    if (!type) throw new Error("the schema has no CEL type");
    const program = compileCel(typedEnvironment(type), rule);
    if (typeof program === "string") throw new Error(program);
    assert.is(maxCostOf(program.ast, type), cost);
  });
}

test.run();
