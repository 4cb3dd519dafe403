import { test } from "uvu";
import * as assert from "uvu/assert";
import type { RunGuest } from "../admission/run-policy.ts";
import { answering, runnableOf } from "../testing/guests.ts";
import { assertSettings } from "./settings.ts";

const runnable = await runnableOf(await answering({ valid: true }));
const signal = new AbortController().signal;

for (const [timeoutMs, expected] of [[undefined, 10_000], [50, 10_000], [30_000, 30_000]] as const) {
  test(`settings: a limit of ${timeoutMs ?? "no"} ms for evaluations leaves ${expected} ms to check settings`, async () => {
    let given: number | undefined;
    const run: RunGuest = (asked) => {
      given = asked.timeoutMs;
      return Promise.resolve({ kind: "settings", answer: { valid: true } });
    };
    await assertSettings({ ...runnable, timeoutMs }, run, signal);
    assert.is(given, expected);
  });
}

test.run();
