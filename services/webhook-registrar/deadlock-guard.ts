// pure
import { durationMs } from "../../contracts/duration.ts";
import { annotations } from "../../contracts/names.ts";
import type { Policy } from "../../contracts/policy.ts";

/** Less would let requests pass at every restart of a single pod; who can wait longer than a day needs no guard. */
const shortestMs = 30_000, longestMs = 24 * 3_600_000;

/** What the deadlock guard of a policy says now (docs/deadlock-guard.md). Without one, nothing is ever relaxed. */
export type Guard = {
  /** How long the server may be without a ready pod, as the policy says it. */
  after: string;
  /** Why that cannot be followed. */
  problem?: string;
  /** How long until it relaxes the webhook if no pod becomes ready. */
  dueInMs?: number;
  /** The webhook lets requests pass: no pod has been ready since then. */
  relaxedSince?: string;
};

/**
 * The guard that a policy asks for. `unavailableSince` is what the reconciler saw: undefined while a pod is ready, and
 * also while nothing is known, so that a webhook is only ever relaxed on somebody's word.
 */
export function guardFor(
  { metadata }: Pick<Policy, "metadata">,
  { unavailableSince, now }: { unavailableSince: string | undefined; now: Date },
): Guard | undefined {
  const after = metadata.annotations?.[annotations.relaxWhenUnavailableAfter];
  if (after === undefined) return undefined;
  const afterMs = durationMs(after);
  if (afterMs === undefined || afterMs < shortestMs || afterMs > longestMs) {
    const problem = `annotation "${annotations.relaxWhenUnavailableAfter}" is "${after}" and has no effect: ` +
      'give a time from "30s" to "24h"';
    return { after, problem };
  }
  const since = Date.parse(unavailableSince ?? "");
  if (Number.isNaN(since)) return { after };
  const dueInMs = since + afterMs - now.getTime();
  return dueInMs > 0 ? { after, dueInMs } : { after, relaxedSince: unavailableSince };
}
