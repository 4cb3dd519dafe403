import { test } from "uvu";
import * as assert from "uvu/assert";
import { rateLimit } from "./rate-limit.ts";
import { ManualClock } from "../testing/manual-clock.ts";

/** A limit of two at once and ten a second, and how many had their turn. */
function limited() {
  const clock = new ManualClock();
  const limit = rateLimit({ perSecond: 10, burst: 2, clock });
  let passed = 0;
  return {
    clock,
    ask: (signal?: AbortSignal) => limit(signal).then(() => void passed++),
    async passedAfter(ms: number) {
      clock.advance(ms);
      await Promise.resolve();
      await Promise.resolve();
      return passed;
    },
  };
}

test("rate limit: a burst passes at once, the others one after the other", async () => {
  const { ask, passedAfter } = limited();
  for (let count = 0; count < 5; count++) void ask();
  assert.is(await passedAfter(0), 2);
  assert.is(await passedAfter(99), 2);
  assert.is(await passedAfter(1), 3);
  assert.is(await passedAfter(200), 5);
});

test("rate limit: a pause earns a new burst, and no more than that", async () => {
  const { ask, passedAfter } = limited();
  for (let count = 0; count < 2; count++) void ask();
  assert.is(await passedAfter(60_000), 2);
  for (let count = 0; count < 5; count++) void ask();
  assert.is(await passedAfter(0), 4);
});

test("rate limit: who gives up while waiting leaves the turn to those who come later", async () => {
  const { ask, passedAfter } = limited();
  for (let count = 0; count < 2; count++) void ask();
  const stop = new AbortController();
  const given = ask(stop.signal).catch((error) => error.message);
  stop.abort(new Error("enough"));
  assert.is(await given, "enough");
  void ask();
  assert.is(await passedAfter(100), 3);
});

test.run();
