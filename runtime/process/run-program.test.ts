import { test } from "uvu";
import * as assert from "uvu/assert";
import { runProgram } from "./run-program.ts";

const { signal } = new AbortController();
const limits = { timeoutMs: 20_000, maxBytes: 1000, signal };
const messageOf = (promise: Promise<unknown>) =>
  promise.then(() => "no error", (error) => String(error.message ?? error));

test("program: reads its input and gives its output and its end", async () => {
  const result = await runProgram(["sh", "-c", "cat; echo no >&2; exit 3"], { ...limits, input: "in" });
  assert.equal(result, { code: 3, stdout: "in", stderr: "no\n" });
});

test("program: one that reads nothing is none the worse", async () => {
  assert.is((await runProgram(["sh", "-c", "exit 0"], { ...limits, input: "x".repeat(200_000) })).code, 0);
});

test("program: one that is not there, does not end or says too much fails", async () => {
  assert.match(await messageOf(runProgram(["no-such-program"], limits)), '"no-such-program" cannot be run');
  const endless = runProgram(["sh", "-c", "sleep 600 & wait"], { ...limits, timeoutMs: 50 });
  assert.is(await messageOf(endless), '"sh" did not end within 50 ms');
  assert.is(await messageOf(runProgram(["yes"], limits)), '"yes" said more than 1000 bytes');
});

test("program: ends with the signal", async () => {
  const stop = new AbortController();
  const running = messageOf(runProgram(["sleep", "600"], { ...limits, signal: stop.signal }));
  stop.abort(new Error("enough"));
  assert.is(await running, "enough");
});

test.run();
