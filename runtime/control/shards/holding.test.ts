import { test } from "uvu";
import * as assert from "uvu/assert";
import { afterHearing, afterSeeing, type Holding, isHeld, type Membership, nothingHeld } from "./holding.ts";

const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
const heldBy = (holding: Holding, member: string) => keys.filter((key) => isHeld(holding, member, key));
const confirm = (membership: Membership) => new Map(membership.members.map((each) => [each, membership.epoch]));

test("holding: nothing before every member has confirmed, and then all keys are somebody's", () => {
  const membership = { epoch: "1", members: ["a", "b"] };
  const seen = afterSeeing(nothingHeld, membership);
  assert.equal(heldBy(seen, "a"), []);
  assert.equal(heldBy(afterHearing(seen, new Map([["a", "1"], ["b", "0"]])), "a"), []);
  const settled = afterHearing(seen, confirm(membership));
  assert.equal([...heldBy(settled, "a"), ...heldBy(settled, "b")].sort(), [...keys].sort());
});

test("holding: what stays goes on without a pause, what moves away is let go at once", () => {
  const first = { epoch: "1", members: ["a", "b"] }, second = { epoch: "2", members: ["a", "b", "c"] };
  const settled = afterHearing(afterSeeing(nothingHeld, first), confirm(first));
  const seen = afterSeeing(settled, second);
  const later = afterHearing(seen, confirm(second));
  assert.ok(heldBy(seen, "a").length > 0 && heldBy(seen, "a").length < heldBy(settled, "a").length);
  assert.equal(heldBy(seen, "a"), heldBy(later, "a"));
});

test("holding: a key that moved away and back is held only once the last membership is confirmed", () => {
  const of = (epoch: string, ...members: string[]): Membership => ({ epoch, members });
  const settled = afterHearing(afterSeeing(nothingHeld, of("1", "a")), confirm(of("1", "a")));
  const back = afterSeeing(afterSeeing(settled, of("2", "b")), of("3", "a"));
  assert.equal(heldBy(back, "a"), []);
  assert.equal(heldBy(afterHearing(back, confirm(of("3", "a"))), "a"), keys);
});

/** Numbers that look random, the same for the same seed (mulberry32). */
function randomFrom(seed: number) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let value = Math.imul(seed ^ seed >>> 15, 1 | seed);
    value = value + Math.imul(value ^ value >>> 7, 61 | value) ^ value;
    return ((value ^ value >>> 14) >>> 0) / 2 ** 32;
  };
}

/** A replica: it reads the membership when it comes to it, hears the others' confirmations late, and works for a while. */
class Replica {
  readonly name: string;
  holding: Holding = nothingHeld;
  readonly working = new Set<string>();
  readonly heard = new Map<string, string>();
  constructor(name: string) {
    this.name = name;
  }
}

/** One random schedule; throws if two replicas ever work on one key. Returns how often a key was started. */
function run(seed: number, steps = 3000): number {
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
  let epoch = 0, names = 0, started = 0;
  let membership: Membership = { epoch: "0", members: [] };
  /** What each member's Lease says; `past` holds everything it ever said, for those who hear late. */
  const past = new Map<string, string[]>();
  const alive: Replica[] = [], dead: string[] = [];
  const swap = (members: readonly string[]) => membership = { epoch: String(++epoch), members };
  const acts: ((replica: Replica) => void)[] = [
    (each) => each.holding = afterSeeing(each.holding, membership),
    (each) => {
      const drained = [...each.working].every((key) => isHeld(each.holding, each.name, key));
      const { current } = each.holding;
      if (drained && current) {
        past.get(each.name)?.push(current.epoch);
        each.heard.set(each.name, current.epoch);
      }
    },
    (each) => {
      // Never back in time, but any way behind.
      for (const [name, said] of past) {
        const from = Math.max(0, said.lastIndexOf(each.heard.get(name) ?? ""));
        const heard = name === each.name ? undefined : pick(said.slice(from));
        if (heard !== undefined) each.heard.set(name, heard);
      }
    },
    (each) => each.holding = afterHearing(each.holding, each.heard),
    (each) => {
      const key = pick(keys) ?? "";
      if (each.working.has(key) || !isHeld(each.holding, each.name, key)) return;
      const other = alive.find(({ working }) => working.has(key));
      if (other) throw new Error(`seed ${seed}: ${each.name} starts ${key}, on which ${other.name} works`);
      each.working.add(key);
      started++;
    },
    (each) => void each.working.delete(pick([...each.working]) ?? ""),
  ];
  for (let step = 0; step < steps; step++) {
    const chance = random();
    const replica = pick(alive);
    if (alive.length === 0 || chance < 0.005 && alive.length < 5) {
      const joining = new Replica(`r${names++}`);
      alive.push(joining);
      past.set(joining.name, []);
      swap([...membership.members, joining.name]);
    } else if (chance < 0.01 && replica) {
      // Killed, or cut off: it has stopped by itself before anybody takes it for gone.
      alive.splice(alive.indexOf(replica), 1);
      dead.push(replica.name);
    } else if (chance < 0.02 && dead.length > 0) {
      const gone = dead.pop()!;
      swap(membership.members.filter((each) => each !== gone));
    } else if (replica) pick(acts)?.(replica);
  }
  return started;
}

test("holding: no two replicas ever work on one key, in 300 random schedules of joining, dying and hearing late", () => {
  let started = 0;
  for (let seed = 1; seed <= 300; seed++) started += run(seed);
  assert.ok(started > 10_000, `${started} keys started`);
});

test.run();
