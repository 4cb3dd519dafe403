import { Profile } from "pprof-format";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubewardenError } from "../../contracts/errors.ts";
import { Profiling } from "./profiling.ts";
import { cpuSamples, heapSamples } from "./v8-profile.ts";
import { startWorker } from "../worker.ts";

const profiling = await Profiling.start();
const never = new AbortController().signal;
const kept: object[] = [];
const timer = setInterval(spinOnMain, 20);
test.after(() => {
  clearInterval(timer);
  profiling.close();
});

/** Busy for most of the time, and keeps what it allocates. */
function spinOnMain(): void {
  const end = performance.now() + 10;
  while (performance.now() < end) Math.sqrt(end);
  for (let i = 0; i < 5000; i++) kept.push({ i });
}

/** A profile as text: value types, and each sample as `outermost > ... > innermost` with values and thread. */
function read(bytes: Uint8Array) {
  const { stringTable: { strings }, sampleType, sample, location, function: functions } = Profile.decode(
    new Uint8Array(gunzipSync(bytes)),
  );
  const text = (index: number | bigint | undefined) => strings[Number(index)] ?? "";
  const names = new Map(functions.map(({ id, name }) => [Number(id), text(name)]));
  const frames = new Map(location.map(({ id, line }) => [Number(id), names.get(Number(line[0]?.functionId))]));
  return {
    types: sampleType.map(({ type, unit }) => `${text(type)}/${text(unit)}`),
    samples: sample.map(({ locationId, value, label }) => ({
      stack: locationId.map((id) => frames.get(Number(id))).reverse().join(" > "),
      values: value.map(Number),
      thread: text(label[0]?.str),
    })),
  };
}

test("profiling: a CPU profile names the function that is busy and the time it takes", async () => {
  const { types, samples } = read(await profiling.cpu({ seconds: 1, hz: 100, signal: never }));
  assert.equal(types, ["samples/count", "cpu/nanoseconds"]);
  const busy = samples.filter(({ stack }) => stack.includes("spinOnMain"));
  assert.ok(busy.length > 0);
  assert.ok(busy.every(({ thread, values: [count, ns] }) => thread === "main" && count! > 0 && ns! > 0));
  assert.not.ok(samples.some(({ stack }) => stack.includes("(idle)") || stack.includes("(root)")));
});

test("profiling: a heap profile names the function whose memory is alive", async () => {
  while (kept.length < 200_000) await new Promise((resolve) => setTimeout(resolve, 20));
  const { types, samples } = read(await profiling.heap());
  assert.equal(types, ["inuse_space/bytes"]);
  const mine = samples.filter(({ stack }) => stack.includes("spinOnMain")).map(({ values }) => values[0]!);
  assert.ok(mine.reduce((sum, each) => sum + each, 0) > 1e6);
});

test("profiling: worker threads are in it on Node; Deno's inspector does not lead to them", async () => {
  const spinning = Promise.withResolvers<unknown>();
  const worker = startWorker(new URL("../testing/spinning-worker.ts", import.meta.url), {
    onMessage: spinning.resolve,
    onExit: spinning.reject,
  }, { name: "spinner" });
  await spinning.promise;
  const { samples } = read(await profiling.cpu({ seconds: 1, hz: 100, signal: never }));
  await worker.terminate();
  const threads = new Set(
    samples.filter(({ stack }) => stack.includes("spinInWorker")).map(({ thread }) => thread.slice(0, 6)),
  );
  assert.equal([...threads], "Deno" in globalThis ? [] : ["worker"]);
});

test("profiling: one CPU profile at a time, and one that is given up makes room at once", async () => {
  const leaving = new AbortController();
  const first = profiling.cpu({ seconds: 600, hz: 100, signal: leaving.signal }).catch(({ name }) => name);
  const second = await profiling.cpu({ seconds: 1, hz: 100, signal: never }).catch((error: KubewardenError) => error);
  assert.is((second as KubewardenError).code, "PROFILE_RUNNING");
  leaving.abort();
  assert.is(await first, "AbortError");
  assert.ok(read(await profiling.cpu({ seconds: 1, hz: 100, signal: never })).samples.length > 0);
});

const frame = (functionName: string) => ({ functionName, url: "file:///a.ts", lineNumber: 1 });

test("profiling: samples of V8 become stacks, innermost first, without idle time", () => {
  const profile = {
    nodes: [
      { id: 1, callFrame: frame("(root)"), children: [2, 3] },
      { id: 2, callFrame: frame("outer"), children: [4] },
      { id: 3, callFrame: frame("(idle)") },
      { id: 4, callFrame: frame("inner") },
    ],
    samples: [4, 4, 3, 2, 4],
    timeDeltas: [500, 10, 20, -5, 40],
  };
  assert.equal(cpuSamples(profile, "t"), [
    { stack: [frame("inner"), frame("outer")], values: [3, 50_000], thread: "t" },
    { stack: [frame("outer")], values: [1, 0], thread: "t" },
  ]);
});

test("profiling: memory of V8 becomes stacks with bytes of their own", () => {
  const inner = { callFrame: frame("inner"), selfSize: 5, children: [] };
  const outer = { callFrame: frame("outer"), selfSize: 0, children: [inner] };
  assert.equal(heapSamples({ callFrame: frame("(root)"), selfSize: 9, children: [outer] }, "t"), [
    { stack: [frame("inner"), frame("outer")], values: [5], thread: "t" },
  ]);
});

test.run();
