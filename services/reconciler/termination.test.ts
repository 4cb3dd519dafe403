import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadFailuresIn } from "./termination.ts";

test("termination: one JSON line per policy", () => {
  const failures = loadFailuresIn(
    '{"policy":"clusterwide-a","code":"MODULE_FETCH_FAILED","message":"not found"}\n' +
      '{"policy":"namespaced-group-ns-g/m1","code":"SETTINGS_INVALID","message":"bad"}\n',
  );
  assert.equal(failures, [
    { policy: "clusterwide-a", code: "MODULE_FETCH_FAILED", message: "not found" },
    { policy: "namespaced-group-ns-g/m1", code: "SETTINGS_INVALID", message: "bad" },
  ]);
});

test("termination: a torn last line is left out", () => {
  const failures = loadFailuresIn('{"policy":"a","code":"X","message":"m"}\n{"policy":"b","mess');
  assert.equal(failures.map(({ policy }) => policy), ["a"]);
});

for (const text of ["Error: cannot read /pki/tls.crt", "null", '{"level":"error","message":"x"}', '"text"', "12", ""]) {
  test(`termination: ${text} names no policy`, () => assert.equal(loadFailuresIn(text), []));
}

test("termination: what a policy says of its settings stays whole, with its lines", () => {
  const message = `Policy settings are invalid: ${"- no\n".repeat(600)}`;
  assert.is(loadFailuresIn(JSON.stringify({ policy: "a", code: "SETTINGS_INVALID", message }))[0]?.message, message);
});

test.run();
