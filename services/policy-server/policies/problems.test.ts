import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../contracts/errors.ts";
import { policiesInvalid, type PolicyProblem, terminationMessageOf } from "./problems.ts";

const problem = (policy: string, message: string): PolicyProblem => ({ policy, code: "SETTINGS_INVALID", message });

test("problems: the error names every policy, the termination message has a line of JSON for each", () => {
  const error = policiesInvalid([problem("a", 'wrong "x"'), problem("g/m", "no")]);
  assert.match(error.message, /policy "a": wrong/);
  assert.match(error.message, /policy "g\/m": no/);
  assert.is(
    terminationMessageOf(error),
    '{"policy":"a","code":"SETTINGS_INVALID","message":"wrong \\"x\\""}\n' +
      '{"policy":"g/m","code":"SETTINGS_INVALID","message":"no"}\n',
  );
});

test("problems: long messages are cut so that all policies are named in 4096 bytes", () => {
  const problems = Array.from({ length: 25 }, (_, index) => problem(`policy-${index}`, "é".repeat(5000)));
  const text = terminationMessageOf(policiesInvalid(problems));
  assert.ok(new TextEncoder().encode(text).length <= 4096);
  assert.equal(text.trimEnd().split("\n").map((line) => JSON.parse(line).policy), problems.map((each) => each.policy));
});

test("problems: if even that is too much, as many whole lines as fit", () => {
  const problems = Array.from({ length: 500 }, (_, index) => problem(`policy-${index}`, "x".repeat(100)));
  const text = terminationMessageOf(policiesInvalid(problems));
  assert.ok(new TextEncoder().encode(text).length <= 4096);
  assert.ok(text.trimEnd().split("\n").map((line) => JSON.parse(line)).length > 20);
});

test("problems: any other failure is its message", () => {
  assert.is(terminationMessageOf(new KubewardenError("CONFIG_INVALID", "no key")), "no key");
});

test.run();
