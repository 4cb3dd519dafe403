import { test } from "uvu";
import * as assert from "uvu/assert";
import { listProblems, numbered, rowsOf } from "./closed-lists.ts";

const list = { what: "examples", ids: numbered("X-", { from: 8, to: 11, digits: 2 }) };
const problemsOf = (text: string) => listProblems(list, rowsOf(text, list));

test("closed lists: ids are counted with zeros in front", () => {
  assert.equal(list.ids, ["X-08", "X-09", "X-10", "X-11"]);
});

test("closed lists: a row a piece, with tests or a reason, is complete", () => {
  const text = [
    "| id         | what      | shown by                                   |",
    "| ---------- | --------- | ------------------------------------------ |",
    "| X-08       | it is     | `a.test.ts: it is`<br>`b.test.ts: it does` |",
    "| X-09, X-11 | it does   | not there: nobody needs it                 |",
    "| X-10       | it may be | `c.test.ts: it may`, but not on Sundays    |",
    "| X-12       | is no id  |                                            |",
  ].join("\n");
  assert.equal(problemsOf(text), []);
  assert.equal(rowsOf(text, list)[0]?.citations.map(({ file }) => file), ["a.test.ts", "b.test.ts"]);
});

test("closed lists: tests and reasons stand in the last cell, however many are before it", () => {
  const text =
    "| X-08, X-09, X-10 | a `b.test.ts: b` | c | `a.test.ts: it is` |\n| X-11 | one two three | four five six | no |";
  assert.equal(rowsOf(text, list).map(({ citations }) => citations.length), [1, 1, 1, 0]);
  assert.equal(problemsOf(text), ["X-11 has neither a test nor a reason"]);
});

test("closed lists: an id without a row, with two rows, or with an empty one is a problem", () => {
  const text =
    "| X-08 | a | `a.test.ts: a` |\n| X-09 | b | `b` |\n| X-10 | c | one two three |\n| X-10 | c | again and again |";
  assert.equal(problemsOf(text), ["X-10 has 2 rows", "X-11 has 0 rows", "X-09 has neither a test nor a reason"]);
});

test.run();
