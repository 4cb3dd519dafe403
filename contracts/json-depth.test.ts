import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertJsonDepth } from "./json-depth.ts";
import { maxJsonDepth } from "./json-members.ts";

const nested = (depth: number, inside = "1") => "[".repeat(depth) + inside + "]".repeat(depth);

test("json depth: the deepest that is allowed passes, one level more does not", () => {
  assertJsonDepth(nested(maxJsonDepth));
  assert.throws(() => assertJsonDepth(nested(maxJsonDepth + 1)), RangeError);
  assert.throws(() => assertJsonDepth('{"a":'.repeat(100_000)), /nested deeper than 512 levels/);
});

test("json depth: neighbours do not add up, and brackets in texts do not count", () => {
  assertJsonDepth(`[${`${nested(500)},`.repeat(50)}1]`);
  assertJsonDepth(`["${"[".repeat(1000)}", "\\"${"{".repeat(1000)}\\\\", 1]`);
});

test("json depth: a text that is no JSON is left to the parser", () => {
  for (const text of ["", `"${"[".repeat(1000)}`, "]".repeat(1000), `"${"\\".repeat(1001)}"`]) assertJsonDepth(text);
});

test.run();
