import { test } from "uvu";
import * as assert from "uvu/assert";
import { runnableWith } from "../testing/runnable.ts";
import { runPolicy } from "./run-policy.ts";

const policy = runnableWith({ mode: "opa" });

/** How long its guest may run if what it sees of the cluster took so long; nothing if it sees none. */
async function timeLeft(timeoutMs: number | undefined, tookMs?: number): Promise<number | undefined> {
  const given: (number | undefined)[] = [];
  const json = new TextEncoder().encode("{}");
  const contextData = tookMs === undefined ? undefined : () => Promise.resolve({ json, tookMs });
  await runPolicy({ ...policy, timeoutMs, contextData }, { text: "{}", original: "object" }, {
    signal: new AbortController().signal,
    run: (runnable) => {
      given.push(runnable.timeoutMs);
      return Promise.resolve({ kind: "timed-out" });
    },
  });
  assert.is(given.length, 1);
  return given[0];
}

test("run: what an evaluation has waited for the cluster is no longer its guest's", async () => {
  assert.is(await timeLeft(2_000), 2_000);
  assert.is(await timeLeft(2_000, 0), 2_000);
  assert.is(await timeLeft(2_000, 1_500), 500);
  assert.is(await timeLeft(2_000, 2_001), 0);
  assert.is(await timeLeft(undefined, 1_500), undefined);
});

test.run();
