import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "./errors.ts";
import { evaluateGroupExpression, isMemberName, parseGroupExpression } from "./group-expression.ts";

/** Evaluates with `t*` members true, `u` without an answer, the others false; tells which were called, in order. */
async function run(text: string): Promise<[boolean | undefined, string]> {
  const called: string[] = [];
  const expression = parseGroupExpression(text, ["t", "t2", "f", "f2", "u"]);
  const result = await evaluateGroupExpression(expression, (name) => {
    called.push(name);
    return Promise.resolve(name === "u" ? undefined : name.startsWith("t"));
  });
  return [result, called.join(" ")];
}

const evaluations: [string, boolean | undefined, string][] = [
  ["u() || t()", true, "u t"],
  ["u() && f()", false, "u f"],
  ["!(u() && t())", undefined, "u t"],
  ["u() || f()", undefined, "u f"],
  ["u() == f()", undefined, "u f"],
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
  ["2 > 1", true, ""],
  ["1 >= 2", false, ""],
  ["2 < 2 || 2 <= 2", true, ""],
  ["1 == 1", true, ""],
  ["1 != 1", false, ""],
  ["-1 < 0", true, ""],
  ["-9223372036854775808 < 9223372036854775807", true, ""],
  ["007 == 7", true, ""],
  ["!(2 > 1) || t()", true, "t"],
  ["t() == 2 > 1", true, "t"],
  ["2 > 1 == t()", true, "t"],
  ["1 == 1 == f()", false, "f"],
  ["(t() == f()) == f2()", true, "t f f2"],
  ["t() == (f() == f2())", true, "t f f2"],
];
for (const [text, result, called] of evaluations) {
  test(`group expression: ${JSON.stringify(text)} is ${result} after calling [${called}]`, async () => {
    assert.equal(await run(text), [result, called]);
  });
}

const refused: [string, string][] = [
  ["", "character 1: Syntax error: expected a member call"],
  ["   ", "character 4: Syntax error: expected a member call"],
  ["1", "character 1: Output type incorrect: i64 (expecting bool)"],
  ["(1)", "character 1: Output type incorrect: i64 (expecting bool)"],
  ["1 + 1", 'character 3: Syntax error: there is no arithmetic, found "+"'],
  ["t() + 1", 'character 5: Syntax error: there is no arithmetic, found "+"'],
  ["1 && true", "character 1: Data type incorrect: i64 (expecting bool)"],
  ["true || 1", "character 9: Data type incorrect: i64 (expecting bool)"],
  ["!1", "character 2: Data type incorrect: i64 (expecting bool)"],
  ["1 == true", "character 1: Data type incorrect: cannot compare i64 with bool"],
  ["t() != 1", "character 1: Data type incorrect: cannot compare bool with i64"],
  ["1 < 2 < 3", "character 7: Function not found: < (bool, i64): only integers have an order"],
  ["t() > f()", "character 5: Function not found: > (bool, bool)"],
  ["-t()", 'character 2: Syntax error: expected an integer, found "t"'],
  ["9223372036854775808 > 1", "character 1: Syntax error: an integer beyond 64 bits"],
  [`${"9".repeat(100_000)} > 1`, "character 1: Syntax error: an integer beyond 64 bits"],
  ["1.5 > 1", 'character 2: Syntax error: unexpected "."'],
  ["1a > 1", 'character 1: Syntax error: unexpected "1a"'],
  ["t() & f()", 'character 5: Syntax error: unexpected "&"'],
  ["t() ? f() : f2()", 'character 5: Syntax error: unexpected "?"'],
  ["t() in f()", 'character 5: Syntax error: expected the end or an operator, found "in"'],
  ["if t() { f() } else { t() }", 'character 1: Syntax error: "if" is not available: write "&&" and "||"'],
  ["if (t()) f()", 'character 1: Syntax error: "if" is not available: write "&&" and "||", found "if"'],
  ["something that doesn't make sense", "Syntax error: unexpected"],
  ["t", 'character 2: Syntax error: expected "()" after "t", found the end'],
  ["t(f())", 'character 3: Syntax error: expected "()" after "t", found "f"'],
  ["x()", "character 1: Function not found: x (): the group has no such member"],
  ["t() &&", "character 7: Syntax error: expected a member call"],
  ["(t()", 'character 5: Syntax error: expected ")", found the end'],
  ["t())", "character 4: Syntax error: expected the end"],
  ["t() f()", "character 5: Syntax error: expected the end"],
  ["'t'", 'character 1: Syntax error: unexpected "\'"'],
  ["null", "character 1: Function not found: null ()"],
  ["t() && 😀", 'character 8: Syntax error: unexpected "😀"'],
  ["(".repeat(100_000), "nested deeper than 250 levels"],
  ["!".repeat(100_000) + "t()", "nested deeper than 250 levels"],
];
for (const [text, reason] of refused) {
  test(`group expression: ${JSON.stringify(text.slice(0, 30))} is refused with its position`, () => {
    assert.throws(
      () => parseGroupExpression(text, ["t", "t2", "f", "f2", "u"]),
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

/** Whether an expression over these members is taken. */
function isTaken(text: string, members: readonly string[]): boolean {
  try {
    parseGroupExpression(text, members);
    return true;
  } catch (error) {
    assert.is((error as KubewardenError).code, "GROUP_EXPRESSION_INVALID");
    return false;
  }
}

const checks: [string, string[], boolean][] = [
  ["true || happy_policy_1()", ["happy_policy_1"], true],
  ["2 > 1", [], true],
  ["unknown_policy() || happy_policy_1()", ["happy_policy_1"], false],
  ["something that doesn't make sense", ["happy_policy_1"], false],
  ["happy_policy_1() + 1", ["happy_policy_1"], false],
];

test("AT-044: an expression must be a condition over members that there are", () => {
  for (const [text, members, taken] of checks) assert.is(isTaken(text, members), taken, text);
});

test("AT-087: an expression that comes to a number is not taken either", () => {
  for (const [text, members, taken] of [...checks, ["1 + 1", [], false] as const]) {
    assert.is(isTaken(text, members), taken, text);
  }
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
