import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "./errors.ts";
import { evaluateGroupExpression, isMemberName, parseGroupExpression } from "./group-expression.ts";

/** Evaluates with `t*` members true and the others false; tells which were called, in order. */
async function run(text: string): Promise<[boolean, string]> {
  const called: string[] = [];
  const expression = parseGroupExpression(text, ["t", "t2", "f", "f2"]);
  const result = await evaluateGroupExpression(expression, (name) => {
    called.push(name);
    return Promise.resolve(name.startsWith("t"));
  });
  return [result, called.join(" ")];
}

const evaluations: [string, boolean, string][] = [
  ["t()", true, "t"],
  ["!t()", false, "t"],
  ["!!t()", true, "t"],
  ["t() && f()", false, "t f"],
  ["f() && t()", false, "f"],
  ["t() || f()", true, "t"],
  ["f() || t()", true, "f t"],
  ["t() || f() && f2()", true, "t"],
  ["f() && t() || t2()", true, "f t2"],
  ["(t() || f()) && f2()", false, "t f2"],
  ["t() == f()", false, "t f"],
  ["t() != f()", true, "t f"],
  ["f() == f2() == t()", true, "f f2 t"],
  ["f() && t() == t2()", false, "f"],
  ["!f() == t()", true, "f t"],
  ["t() && t()", true, "t t"],
  ["true", true, ""],
  ["false || t()", true, "t"],
  [" ( ( t ( ) ) ) ", true, "t"],
  ["t() // the first\n && t2()", true, "t t2"],
];
for (const [text, result, called] of evaluations) {
  test(`group expression: ${JSON.stringify(text)} is ${result} after calling [${called}]`, async () => {
    assert.equal(await run(text), [result, called]);
  });
}

const refused: [string, string][] = [
  ["", "character 1: expected a member call"],
  ["   ", "character 4: expected a member call"],
  ["1", 'character 1: unexpected "1"'],
  ["2 > 1", 'character 1: unexpected "2"'],
  ["t() > f()", 'character 5: unexpected ">"'],
  ["t() & f()", 'character 5: unexpected "&"'],
  ["t() ? f() : f2()", 'character 5: unexpected "?"'],
  ["t() in f()", 'character 5: expected the end or an operator, found "in"'],
  ["t", 'character 2: expected "()" after "t", found the end'],
  ["t(f())", 'character 3: expected "()" after "t", found "f"'],
  ["x()", 'character 1: unknown member "x", found "x"'],
  ["t() &&", "character 7: expected a member call"],
  ["(t()", 'character 5: expected ")", found the end'],
  ["t())", "character 4: expected the end"],
  ["t() f()", "character 5: expected the end"],
  ["'t'", 'character 1: unexpected "\'"'],
  ["null", 'character 1: unknown member "null"'],
  ["t() && 😀", 'character 8: unexpected "😀"'],
  ["(".repeat(100_000), "nested deeper than 250 levels"],
  ["!".repeat(100_000) + "t()", "nested deeper than 250 levels"],
];
for (const [text, reason] of refused) {
  test(`group expression: ${JSON.stringify(text.slice(0, 30))} is refused with its position`, () => {
    assert.throws(
      () => parseGroupExpression(text, ["t", "t2", "f", "f2"]),
      (error: unknown) =>
        error instanceof KubewardenError && error.code === "GROUP_EXPRESSION_INVALID" && error.message.includes(reason),
    );
  });
}

test("group expression: a long chain does not exhaust the stack", async () => {
  assert.equal((await run(`${"f() || ".repeat(20_000)}t()`))[0], true);
});

test("group expression: what a member throws ends the evaluation", async () => {
  const expression = parseGroupExpression("t() || t()", ["t"]);
  let calls = 0;
  const failing = () => Promise.reject(new Error(`call ${++calls}`));
  const outcome = await evaluateGroupExpression(expression, failing).catch((error: Error) => error.message);
  assert.is(outcome, "call 1");
});

const names: [string, boolean][] = [
  ["a", true],
  ["_a9", true],
  ["Pod_privileged_2", true],
  ["", false],
  ["9a", false],
  ["a-b", false],
  ["a.b", false],
  ["true", false],
  ["namespace", false],
  ["a\n", false],
];
for (const [name, accepted] of names) {
  test(`group expression: ${JSON.stringify(name)} ${accepted ? "may" : "may not"} be a member's name`, () => {
    assert.is(isMemberName(name), accepted);
  });
}

test.run();
