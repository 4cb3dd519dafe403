import { test } from "uvu";
import * as assert from "uvu/assert";
import { ManualClock } from "../testing/manual-clock.ts";
import { WorkQueue } from "./work-queue.ts";

const never = new AbortController().signal;

function queueWithClock() {
  const clock = new ManualClock();
  return { clock, queue: new WorkQueue({ clock, random: () => 0, minBackoffMs: 100, maxBackoffMs: 1000 }) };
}

/** The key that is ready now, if any. */
async function ready(queue: WorkQueue): Promise<string | undefined> {
  return queue.depth === 0 ? undefined : await queue.next(never);
}

test("queue: first come, first served, each key once", async () => {
  const queue = new WorkQueue();
  for (const key of ["a", "b", "a", "c", "b"]) queue.add(key);
  assert.equal([await queue.next(never), await queue.next(never), await queue.next(never)], ["a", "b", "c"]);
  assert.is(queue.depth, 0);
});

test("queue: a key added while it is worked on comes again after that, not before", async () => {
  const queue = new WorkQueue();
  queue.add("a");
  assert.is(await queue.next(never), "a");
  queue.add("a");
  queue.add("a");
  assert.is(queue.depth, 0);
  queue.done("a");
  assert.is(await queue.next(never), "a");
  queue.done("a");
  assert.is(queue.depth, 0);
});

test("queue: waiting workers are woken one for each key", async () => {
  const queue = new WorkQueue();
  const waiting = [queue.next(never), queue.next(never)];
  queue.add("a");
  queue.add("b");
  assert.equal(await Promise.all(waiting), ["a", "b"]);
});

test("queue: a waiting worker leaves with its signal and loses no key", async () => {
  const queue = new WorkQueue(), stop = new AbortController();
  const waiting = queue.next(stop.signal).catch((error) => error.message);
  stop.abort(new Error("enough"));
  assert.is(await waiting, "enough");
  queue.add("a");
  assert.is(await queue.next(never), "a");
});

test("queue: backoff doubles up to its limit and starts over after forget", () => {
  const { queue } = queueWithClock();
  assert.equal([1, 2, 3, 4, 5, 6].map(() => queue.retry("a")), [100, 200, 400, 800, 1000, 1000]);
  assert.is(queue.retry("b"), 100);
  queue.forget("a");
  assert.is(queue.retry("a"), 100);
});

test("queue: jitter shortens a wait by up to half", () => {
  const queue = new WorkQueue({ clock: new ManualClock(), random: () => 1, minBackoffMs: 100 });
  assert.is(queue.retry("a"), 50);
});

test("queue: a delayed key comes at its time, of several times the earliest", async () => {
  const { queue, clock } = queueWithClock();
  queue.addAfter("a", 500);
  queue.addAfter("a", 200);
  queue.addAfter("a", 300);
  clock.advance(199);
  assert.is(await ready(queue), undefined);
  clock.advance(1);
  assert.is(await ready(queue), "a");
  queue.done("a");
  clock.advance(1000);
  assert.is(await ready(queue), undefined);
});

test("queue: work on a key in between cancels its delay", async () => {
  const { queue, clock } = queueWithClock();
  queue.addAfter("a", 500);
  queue.add("a");
  assert.is(await ready(queue), "a");
  queue.done("a");
  clock.advance(500);
  assert.is(await ready(queue), undefined);
});

test("queue: a failing key does not hold up others", async () => {
  const { queue, clock } = queueWithClock();
  queue.add("bad");
  queue.add("good");
  assert.is(await ready(queue), "bad");
  queue.retry("bad");
  queue.done("bad");
  assert.is(await ready(queue), "good");
  clock.advance(100);
  assert.is(await ready(queue), "bad");
});

test.run();
