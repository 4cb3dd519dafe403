import { test } from "uvu";
import * as assert from "uvu/assert";
import { startWorker } from "./worker.ts";

const module = new URL("./testing/echo-worker.ts", import.meta.url);

function start() {
  const messages: unknown[] = [];
  const waiting: ((message: unknown) => void)[] = [];
  const exited = Promise.withResolvers<Error>();
  let exits = 0;
  const worker = startWorker(module, {
    onMessage(message) {
      const next = waiting.shift();
      if (next) next(message);
      else messages.push(message);
    },
    onExit(error) {
      exits++;
      exited.resolve(error);
    },
  }, { name: "echo", resourceLimits: { maxOldGenerationSizeMb: 64 } });
  const next = () =>
    new Promise<unknown>((resolve) => messages.length ? resolve(messages.shift()) : waiting.push(resolve));
  return { worker, next, exited: exited.promise, exits: () => exits };
}

test("worker: answers messages sent before it was ready, in order", async () => {
  const { worker, next, exits } = start();
  worker.post(1);
  worker.post({ two: 2 });
  assert.equal(await next(), { echo: 1 });
  assert.equal(await next(), { echo: { two: 2 } });
  await worker.terminate();
  assert.is(exits(), 0);
});

test("worker: shares memory and takes compiled modules", async () => {
  const { worker, next } = start();
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const woken = Atomics.waitAsync(shared, 0, 0);
  worker.post(shared);
  assert.is(await woken.value, "ok");
  assert.is(shared[0], 42);
  worker.post(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])));
  assert.equal(await next(), []);
  await worker.terminate();
});

test("worker: transferred buffers leave the sender", async () => {
  const { worker, next } = start();
  const bytes = new Uint8Array([1, 2, 3]);
  worker.post(bytes, [bytes.buffer]);
  assert.is(bytes.length, 0);
  assert.equal(await next(), { echo: new Uint8Array([1, 2, 3]) });
  await worker.terminate();
});

test("worker: an uncaught error ends it once and not the process", async () => {
  const { worker, exited, exits } = start();
  worker.post("throw");
  assert.match((await exited).message, "thrown inside");
  await worker.terminate();
  assert.is(exits(), 1);
});

test.run();
