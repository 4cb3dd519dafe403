import { test } from "uvu";
import * as assert from "uvu/assert";
import { whyNotShown } from "./check-compatibility.ts";
import type { TestRecord } from "./test-records.ts";

const record: TestRecord = { hash: "h", passed: 2, failed: 0, skipped: 0, names: ["a test", "on\n  two lines"] };

test("compatibility: a test that ran in a file as it stands is shown", () => {
  assert.is(whyNotShown(record, { name: "a test", hash: "h" }), undefined);
  assert.is(whyNotShown(record, { name: "on two lines", hash: "h" }), undefined);
});

const cases: [string, TestRecord | undefined, string][] = [
  ["a file that never ran", undefined, "its file did not run"],
  ["a file that changed", { ...record, hash: "i" }, "its file changed since it ran"],
  ["a file with a failure", { ...record, failed: 1 }, "1 tests of its file failed"],
  ["a file with a skipped test", { ...record, skipped: 1 }, "1 tests of its file were skipped"],
  ["a test that is not among those that ran", { ...record, names: ["another"] }, "it did not run"],
];
for (const [name, seen, expected] of cases) {
  test(`compatibility: ${name} shows nothing`, () => {
    assert.is(whyNotShown(seen, { name: "a test", hash: "h" }), expected);
  });
}

test.run();
