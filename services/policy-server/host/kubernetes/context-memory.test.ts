import { test } from "uvu";
import * as assert from "uvu/assert";
import { ContextMemory } from "./context-memory.ts";

const made = (size: number, ...copies: object[]) => ({
  bytes: new Uint8Array(size),
  of: new Map(copies.map((each) => [each, 1])),
});

function memoryWith(...keys: string[]): ContextMemory {
  const memory = new ContextMemory(100);
  for (const key of keys) memory.keep(key, made(20));
  return memory;
}
const kept = (memory: ContextMemory, ...keys: string[]) => keys.filter((key) => memory.made(key) !== undefined);

test("context memory: what is made of copies counts, and what was used longest ago makes room", () => {
  const memory = memoryWith("one", "two", "three");
  memory.resizeCopies(40);
  assert.is(memory.bytes, 100);
  memory.made("one");
  memory.resizeCopies(10);
  assert.is(memory.bytes, 90);
  assert.equal(kept(memory, "one", "two", "three"), ["one", "three"]);
  memory.keep("four", made(20));
  assert.equal(kept(memory, "one", "three", "four"), ["three", "four"]);
});

test("context memory: it makes room for copies before any of these has to end", () => {
  const memory = memoryWith("one", "two");
  memory.resizeCopies(100);
  assert.equal([memory.bytes, memory.isOverfull], [100, false]);
  assert.equal(kept(memory, "one", "two"), []);
  memory.resizeCopies(1);
  assert.ok(memory.isOverfull);
});

test("context memory: what does not fit in beside the copies is not kept, and ends no copy", () => {
  const memory = memoryWith("one");
  memory.resizeCopies(70);
  memory.keep("large", made(31));
  assert.equal(kept(memory, "one", "large"), ["one"]);
  assert.is(memory.bytes, 90);
});

test("context memory: a newer one takes the place of the older, and those of a copy that ended go", () => {
  const copy = {}, other = {};
  const memory = new ContextMemory(100);
  memory.keep("one", made(60, copy));
  memory.keep("one", made(40, copy, other));
  memory.keep("two", made(40, other));
  assert.is(memory.bytes, 80);
  memory.forget(copy);
  assert.equal(kept(memory, "one", "two"), ["two"]);
  assert.is(memory.bytes, 40);
  memory.keep("two", made(200, other));
  assert.is(memory.bytes, 0);
});

test.run();
