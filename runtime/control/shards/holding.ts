// pure
import { ownerOf } from "./rendezvous.ts";

/** Who shares the work. Written in one place by compare and swap, so memberships follow one another; no epoch comes twice. */
export type Membership = { epoch: string; members: readonly string[] };

/**
 * Which keys a member may work on. A key is held if it is this member's in the membership that was settled last and in
 * every one seen since: so a key that moves away is let go as soon as that is seen, one that stays is never interrupted,
 * and one that comes is not held before all members have said that they work by the new membership.
 *
 * Two members never hold the same key: who starts a key in a membership has heard each of its members confirm exactly
 * that epoch; whoever confirms it has let go before, and gets the key back only in a later epoch, which the first one
 * must have confirmed in turn. Who is no member has left, or could not renew its Lease and stopped before it ran out.
 */
export type Holding = { current?: Membership; owners: readonly (readonly string[])[] };

/** Of a process that has not settled in any membership yet. */
export const nothingHeld: Holding = { owners: [[]] };

/** The member has seen this membership. */
export function afterSeeing(holding: Holding, membership: Membership): Holding {
  if (holding.current?.epoch === membership.epoch) return holding;
  return { current: membership, owners: [...holding.owners, membership.members] };
}

/** `confirmed`: the epoch that each member was heard to work by, from this one only once it has let go. */
export function afterHearing(holding: Holding, confirmed: ReadonlyMap<string, string>): Holding {
  const { current, owners } = holding;
  if (!current || owners.length === 1 && owners[0] === current.members) return holding;
  const settled = current.members.every((member) => confirmed.get(member) === current.epoch);
  return settled ? { current, owners: [current.members] } : holding;
}

/** Whether this member may work on the key. */
export function isHeld({ owners }: Holding, member: string, key: string): boolean {
  return owners.every((members) => ownerOf(key, members) === member);
}
