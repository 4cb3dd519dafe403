import { test } from "uvu";
import * as assert from "uvu/assert";
import { readTermination } from "./termination.ts";

test("termination: one JSON line per policy", () => {
  const { failures, summary } = readTermination(
    '{"policy":"clusterwide-a","code":"MODULE_FETCH_FAILED","message":"not found"}\n' +
      '{"policy":"namespaced-group-ns-g/m1","code":"SETTINGS_INVALID","message":"bad"}\n',
  );
  assert.equal(failures, [
    { policy: "clusterwide-a", code: "MODULE_FETCH_FAILED", message: "not found" },
    { policy: "namespaced-group-ns-g/m1", code: "SETTINGS_INVALID", message: "bad" },
  ]);
  assert.is(summary, 'policy "clusterwide-a": not found (and 1 more)');
});

test("termination: a torn last line is left out", () => {
  const { failures } = readTermination('{"policy":"a","code":"X","message":"m"}\n{"policy":"b","mess');
  assert.equal(failures.map(({ policy }) => policy), ["a"]);
});

for (const text of ["Error: cannot read /pki/tls.crt", "null", '{"level":"error","message":"x"}', '"text"', "12"]) {
  test(`termination: ${text} is plain text`, () =>
    assert.equal(readTermination(text), { failures: [], summary: text }));
}

test("termination: long texts are cut", () => {
  assert.is(readTermination("x".repeat(5000)).summary.length, 1025);
});

test.run();
