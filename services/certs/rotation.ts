// pure
import { authorityFault, authorityRequest } from "./authority-rotation.ts";
import type { Observed } from "./facts.ts";
import type { IssueRequest } from "./issue-request.ts";
import { auditRequest, leafProblem, lostLeafPatienceMs, servingRequest } from "./leaf-rotation.ts";
import { lastCall, minuteMs, providedRenewalTime, renewalTime } from "./times.ts";

const longestWaitMs = 12 * 60 * minuteMs;

/** What to issue in this pass, if anything. */
export function dueRequest(observed: Observed, now: Date): IssueRequest | undefined {
  const { authority, settleMs } = observed;
  if (observed.about === "server" && observed.server.terminating) return undefined;
  const request = authorityRequest(authority, now);
  if (request) return request;
  if (!authority.bundle || authorityFault(authority, now) !== undefined) return undefined;
  return observed.about === "server"
    ? servingRequest(authority, observed.server, { now, settleMs })
    : auditRequest(authority, observed.audit, { now, settleMs });
}

/** Milliseconds until time alone makes a difference. */
export function nextLookMs(observed: Observed, now: Date): number {
  const { authority: { current, old, provided, inUseSince }, settleMs } = observed;
  const { leaf } = observed.about === "server" ? observed.server : observed.audit;
  const since = observed.about === "server" ? observed.server.trustedSince : observed.audit.followedSince;
  const times = [
    current && renewalTime(current),
    current?.notAfter.getTime(),
    current && provided && providedRenewalTime(current),
    inUseSince && inUseSince.getTime() + lostLeafPatienceMs,
    ...old.map((each) => each.notAfter.getTime()),
    leaf.certificate && renewalTime(leaf.certificate),
    leaf.certificate?.notAfter.getTime(),
    leaf.certificate && leaf.issuer && lastCall(leaf.certificate, leaf.issuer),
    since && since.getTime() + settleMs,
  ];
  const future = times.filter((time) => time !== undefined && time > now.getTime()) as number[];
  return Math.min(longestWaitMs, ...future.map((time) => time - now.getTime()));
}

/** Why the certificate that the pass is about is not fit for use; undefined when it is. */
export function problemOf(observed: Observed, now: Date): string | undefined {
  return leafProblem(observed.about === "server" ? observed.server.leaf : observed.audit.leaf, now);
}
