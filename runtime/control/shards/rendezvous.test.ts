import { test } from "uvu";
import * as assert from "uvu/assert";
import { ownerOf } from "./rendezvous.ts";

const keys = Array.from({ length: 2000 }, (_, index) => `server-${index}`);
const members = (count: number) => Array.from({ length: count }, (_, index) => `reconciler-6f7d9c5b4-${index}xk2p`);

for (const count of [1, 2, 3, 4, 8]) {
  test(`rendezvous: ${count} members get like shares`, () => {
    const shares = new Map<string | undefined, number>();
    for (const key of keys) {
      const owner = ownerOf(key, members(count));
      shares.set(owner, (shares.get(owner) ?? 0) + 1);
    }
    assert.is(shares.size, count);
    const even = keys.length / count;
    for (const share of shares.values()) assert.ok(share > 0.8 * even && share < 1.2 * even, `${share} of ${even}`);
  });
}

test("rendezvous: a member that leaves gives away its own keys, and no other key moves", () => {
  const all = members(4), rest = all.slice(0, 3);
  for (const key of keys) {
    const before = ownerOf(key, all);
    if (before !== all[3]) assert.is(ownerOf(key, rest), before);
  }
});

test("rendezvous: the order of the members does not matter, and nobody owns what no member could", () => {
  for (const key of keys) assert.is(ownerOf(key, members(4)), ownerOf(key, members(4).reverse()));
  assert.is(ownerOf("a", []), undefined);
});

test.run();
