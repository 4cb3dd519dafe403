import { test } from "uvu";
import * as assert from "uvu/assert";
import { durationMs } from "./duration.ts";

test("duration: units add up, and anything else is none", () => {
  const cases: [string, number | undefined][] = [
    ["500ms", 500],
    ["15s", 15_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["", undefined],
    ["2", undefined],
    ["2 m", undefined],
    ["-2m", undefined],
    ["2d", undefined],
  ];
  for (const [text, ms] of cases) assert.is(durationMs(text), ms, text);
});

test.run();
