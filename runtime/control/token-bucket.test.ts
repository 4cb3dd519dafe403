import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bucket, takeToken } from "./token-bucket.ts";

const rate = { burst: 2, refillMs: 1000 };

test("token bucket: a burst at once, then one after each refill time", () => {
  let bucket: Bucket | undefined;
  const take = (atMs: number) => {
    const { taken, ...left } = takeToken(bucket, rate, atMs);
    bucket = left;
    return taken;
  };
  assert.equal([take(0), take(0), take(0)], [true, true, false]);
  assert.equal([take(400), take(900), take(1000), take(1001)], [false, false, true, false], "asking does not delay it");
  assert.equal([take(60_000), take(60_000), take(60_000)], [true, true, false], "never more than the burst");
});

test("token bucket: a clock that goes back takes nothing away", () => {
  assert.equal(takeToken({ tokens: 1.5, atMs: 5000 }, rate, 1000), { tokens: 0.5, atMs: 1000, taken: true });
});

test.run();
