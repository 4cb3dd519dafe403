// pure
import { isSame } from "./certificate-list.ts";
import type { AuditFacts, AuthorityFacts, LeafFacts, ServerFacts } from "./facts.ts";
import type { IssueRequest } from "./issue-request.ts";
import { hasExpired, isFromTheFuture, lastCall, minuteMs, renewalTime } from "./times.ts";

/** How long a server that lost its Secret waits for its webhooks to trust a new authority. */
export const lostLeafPatienceMs = 10 * minuteMs;

type Terms = { now: Date; settleMs: number };

/** Why a certificate is not fit for use, times included; undefined when it is. */
export function leafProblem(leaf: LeafFacts, now: Date): string | undefined {
  if (leaf.problem !== undefined) return leaf.problem;
  if (!leaf.certificate) return "there is none";
  if (!leaf.issuer) return "it is not signed by a trusted certificate authority";
  if (hasExpired(leaf.certificate, now)) return "it has expired";
  if (hasExpired(leaf.issuer, now)) return "its certificate authority has expired";
  if (isFromTheFuture(leaf.certificate, now)) return "it is not valid yet";
  return undefined;
}

/** Whether webhooks are known to trust the present bundle: `unknown` while nothing was ever registered. */
export function trustOf(authority: AuthorityFacts, server: ServerFacts): "confirmed" | "awaited" | "unknown" {
  if (server.trustedCaDigest === undefined) return "unknown";
  return server.trustedCaDigest === authority.bundle?.digest ? "confirmed" : "awaited";
}

/** Whether to issue the serving certificate of a PolicyServer, with an authority that can sign. */
export function servingRequest(authority: AuthorityFacts, server: ServerFacts, o: Terms): IssueRequest | undefined {
  const { current, inUseSince } = authority;
  const { leaf } = server;
  if (!current) return undefined;
  const problem = leafProblem(leaf, o.now);
  const trust = trustOf(authority, server);
  if (problem !== undefined && !isSame(leaf.issuer, current)) {
    // Pods that still run keep the certificate they have: until webhooks trust the new authority, a new one would
    // only break them. Where nothing was ever registered, nothing can break.
    const patient = trust === "awaited" && inUseSince &&
      o.now.getTime() < inUseSince.getTime() + lostLeafPatienceMs;
    return patient ? undefined : request(leaf, problem);
  }
  const since = trust === "confirmed" ? server.trustedSince : undefined;
  return requestFor(leaf, { ...o, current, problem, since, because: "webhooks trust the new certificate authority" });
}

/**
 * Whether to issue the client certificate of audit scanners, with an authority that can sign. Policy servers learn whom
 * to let in from Secrets that their pods mount, so it follows last: when all of them show certificates of the present
 * authority, their pods have had the time to see it.
 */
export function auditRequest(authority: AuthorityFacts, audit: AuditFacts, o: Terms): IssueRequest | undefined {
  const { current } = authority;
  const { leaf, followedSince: since } = audit;
  if (!current) return undefined;
  const problem = leafProblem(leaf, o.now);
  return requestFor(leaf, {
    ...o,
    current,
    problem,
    since,
    because: "policy servers trust the new certificate authority",
  });
}

function requestFor(
  leaf: LeafFacts,
  o: Terms & {
    current: NonNullable<AuthorityFacts["current"]>;
    problem: string | undefined;
    /** Since when those who verify it are known to trust the present authority. */
    since: Date | undefined;
    because: string;
  },
): IssueRequest | undefined {
  if (o.problem !== undefined) return request(leaf, o.problem);
  const { certificate, issuer } = leaf;
  if (!certificate || !issuer) return undefined;
  if (isSame(issuer, o.current)) {
    // Whoever lets this certificate pass lets the next one of the same authority pass.
    return renewalTime(certificate) <= o.now.getTime() ? request(leaf, "it expires soon") : undefined;
  }
  if (lastCall(certificate, issuer) <= o.now.getTime()) return request(leaf, "its last days have come");
  const settled = o.since && o.since.getTime() + o.settleMs <= o.now.getTime();
  return settled ? request(leaf, o.because) : undefined;
}

function request(leaf: LeafFacts, because: string): IssueRequest {
  return { issue: "leaf", replaces: leaf.secret?.resourceVersion, because };
}
