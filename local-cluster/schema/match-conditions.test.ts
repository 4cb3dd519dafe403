import { test } from "uvu";
import * as assert from "uvu/assert";
import { celValueOf } from "./cel-values.ts";
import { matchConditionProgram } from "./match-conditions.ts";

const variables = {
  object: celValueOf({ metadata: { name: "x" } }),
  oldObject: null,
  request: celValueOf({ name: "x", namespace: "n", userInfo: { username: "u", groups: ["g"] } }),
};
const evaluate = (expression: string) => {
  const program = matchConditionProgram(expression);
  return typeof program === "string" ? program : program.evaluate(variables);
};

test("matchConditions: has() tells which fields of the request are there", () => {
  assert.is(evaluate("has(request.namespace) && has(request.userInfo.groups)"), true);
  assert.is(evaluate("has(request.subResource) || has(request.userInfo.uid)"), false);
  assert.is(evaluate('"g" in request.userInfo.groups'), true);
});

test("matchConditions: a field that is not there cannot be evaluated", () => {
  assert.throws(() => evaluate('request.subResource == ""'), /No such key/);
});

test("matchConditions: fields that no request has are refused before", () => {
  assert.match(evaluate("has(request.usr)") as string, "undefined field 'usr'");
});

test.run();
