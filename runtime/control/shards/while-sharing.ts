import { KubewardenError } from "../../../contracts/errors.ts";
import type { Log } from "../../telemetry/log.ts";
import type { LeaseOptions } from "../../kube/lease.ts";
import { sleep, withDeadline } from "../../sleep.ts";
import { ShardMember } from "./shard-member.ts";
import type { Shard } from "./shard.ts";

export type Sharing = { shard: Shard; holds: () => boolean; members: () => number };

/**
 * Joins those who share the work, runs `work` until the signal or until this member's Lease is lost (`LEASE_LOST`, as with
 * a leader's: the process should end), and leaves. Others take over what it held: at once when it leaves, after
 * `durationMs` when it falls silent.
 */
export async function whileSharing(
  options: LeaseOptions,
  work: (sharing: AbortSignal, o: Sharing) => Promise<void>,
): Promise<void> {
  const { signal, log } = options;
  const ended = new AbortController();
  const member = new ShardMember(options, ended.signal);
  try {
    await member.join(signal);
    const sharing = new AbortController();
    const end = () => sharing.abort(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    const working = work(sharing.signal, {
      shard: member.shard,
      holds: () => member.holds(),
      members: () => member.shard.membership?.members.length ?? 0,
    });
    const done = new AbortController();
    const settled = working.then(() => done.abort(), () => done.abort());
    try {
      await keep(member, { ...timesOf(options), log, signal: AbortSignal.any([sharing.signal, done.signal]) });
    } catch (error) {
      sharing.abort(error);
      await settled;
      throw error;
    } finally {
      signal.removeEventListener("abort", end);
    }
    try {
      await working;
    } finally {
      await member.leave();
    }
  } finally {
    ended.abort();
  }
}

export function timesOf({ durationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 }: LeaseOptions) {
  return { durationMs, renewDeadlineMs, retryPeriodMs };
}

/** Renews, follows the membership and confirms it until the signal. */
async function keep(
  member: ShardMember,
  o: { renewDeadlineMs: number; retryPeriodMs: number; log: Log; signal: AbortSignal },
): Promise<void> {
  const { signal } = o;
  while (!signal.aborted) {
    await member.somethingHappened(o.retryPeriodMs, signal).catch(() => undefined); // Aborted: the loop ends.
    if (signal.aborted) return;
    try {
      await withDeadline({ ms: Math.max(1, member.leftMs()), signal }, (limited) => member.renew(limited));
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof KubewardenError && error.code === "LEASE_LOST") throw error;
      const routine = error instanceof KubewardenError && error.code === "KUBE_CONFLICT";
      o.log[routine ? "debug" : "warn"]("cannot renew the membership", { error });
      if (!member.holds()) throw member.lost("renewing failed", error);
      await sleep(50 + 100 * Math.random(), signal).catch(() => undefined); // Aborted: the loop ends.
    }
  }
}
