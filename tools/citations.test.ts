import { test } from "uvu";
import * as assert from "uvu/assert";
import { citationsIn, hasTest } from "./citations.ts";

test("citations: found in code spans, across a broken line, and without a name", () => {
  const text = "| a | `x/y.test.ts: first\n  one`<br>`z.test.ts: second` | `x/y.ts` `w.test.ts` |";
  assert.equal(citationsIn(text), [
    { file: "x/y.test.ts", name: "first one" },
    { file: "z.test.ts", name: "second" },
    { file: "w.test.ts", name: "" },
  ]);
});

const source = `const rows = [["a row", 1], ["another", 2]];
const step = kubectl === undefined ? test.skip : test;
test("plain: a \\"quoted\\" name", () => {});
step(
  "on the next line",
  () => {},
);
for (const [name, n] of rows) test(\`row: \${name} is \${n ? "fine" : "not"}\`, () => {});
for (const value of values) test(\`value: \${JSON.stringify(value)} is \${value.is}\`, () => {});
other("no test");
`;
const cases: [string, boolean][] = [
  ['plain: a "quoted" name', true],
  ["plain", false],
  ["on the next line", true],
  ["row: a row is fine", true],
  ["row: another is not", true],
  ["row: a third is fine", false],
  ['value: {"is":"a row"} is 415', true],
  ['value: {"is":"nothing"} is true', false],
  ["no test", false],
  ["", false],
];
for (const [name, expected] of cases) {
  test(`citations: '${name}' is ${expected ? "there" : "not there"}`, () => {
    assert.is(hasTest(name, source, source), expected);
  });
}

test.run();
