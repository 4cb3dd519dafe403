import { Readable } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BodyBuffer, ByteBudget, readBody } from "./body.ts";

const bytes = (length: number) => new Uint8Array(length).fill(7);

test("body: what was announced costs nothing, what arrives does, and all of it is given back", () => {
  const budget = new ByteBudget(1_000_000);
  const buffer = new BodyBuffer(budget, 900_000);
  assert.ok(buffer.add(bytes(10)));
  assert.ok(budget.take(900_000));
  budget.give(900_000);
  assert.ok(buffer.add(bytes(899_990)));
  assert.not.ok(budget.take(100_001));
  assert.is(buffer.whole().length, 900_000);
  buffer.release();
  assert.ok(budget.take(1_000_000));
});

test("body: one that has no room is refused, and the next one has it again", () => {
  const budget = new ByteBudget(100_000);
  const first = new BodyBuffer(budget), second = new BodyBuffer(budget);
  assert.ok(first.add(bytes(60_000)));
  assert.not.ok(second.add(bytes(60_000)));
  first.release();
  assert.ok(second.add(bytes(60_000)));
});

test("body: a million single bytes are one buffer of their size", () => {
  const budget = new ByteBudget(2_200_000);
  const buffer = new BodyBuffer(budget);
  for (let i = 0; i < 1_000_000; i++) assert.ok(buffer.add(Uint8Array.of(i & 255)));
  const whole = buffer.whole();
  assert.is(whole.length, 1_000_000);
  assert.equal([whole[0], whole[255], whole[999_999]], [0, 255, 999_999 & 255]);
});

test("body: an end before the length that was told, or one the source takes back, is none", async () => {
  const read = (declared: number | undefined, isWhole: boolean) =>
    readBody({ source: Readable.from([bytes(5)]), declared, isWhole: () => isWhole }, {
      buffer: new BodyBuffer(new ByteBudget(100_000), declared),
      maxBytes: 10,
      timeoutMs: 60_000,
    });
  assert.equal(
    await Promise.all([read(5, true), read(undefined, true), read(6, true), read(undefined, false), read(11, true)]),
    ["whole", "whole", "dropped", "dropped", 413],
  );
});

test.run();
