import { test } from "uvu";
import * as assert from "uvu/assert";
import { backoffMs } from "./backoff.ts";

const limits = { minMs: 100, maxMs: 30_000 };

test("backoff: without luck it doubles from the least to the most, and stays there", () => {
  const pauses = Array.from({ length: 12 }, (_, attempt) => backoffMs(attempt, { ...limits, random: () => 0 }));
  assert.equal(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000]);
});

test("backoff: chance takes away half at most", () => {
  assert.is(backoffMs(3, { ...limits, random: () => 0.5 }), 600);
  assert.ok(backoffMs(3, { ...limits, random: () => 0.999 }) > 400);
});

test("backoff: six failures in a row wait longer than half a second, whatever the luck", () => {
  const total = [0, 1, 2, 3, 4].reduce(
    (sum, attempt) => sum + backoffMs(attempt, { ...limits, random: () => 0.999 }),
    0,
  );
  assert.ok(total > 500);
});

test("backoff: after very many attempts it is still the most", () => {
  assert.is(backoffMs(5000, { ...limits, random: () => 0 }), 30_000);
});

test.run();
