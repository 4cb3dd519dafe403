import { test } from "uvu";
import * as assert from "uvu/assert";
import { sleep, withDeadline } from "./sleep.ts";

test("sleep: longer than a timer can hold is long, not over at once", async () => {
  const stop = new AbortController();
  const first = await Promise.race([
    sleep(2 ** 40, stop.signal).then(() => "long", () => "stopped"),
    withDeadline({ ms: 2 ** 40, signal: stop.signal }, (signal) => sleep(2 ** 40, signal)).catch(() => "deadline"),
    sleep(50).then(() => "short"),
  ]);
  stop.abort();
  assert.is(first, "short");
});

test.run();
