// pure
import type { AuthorityFacts, CertificateFacts, Observed, ServerFacts } from "./facts.ts";

/**
 * What is to be issued next, at most one thing at a time: the authority before any leaf. `replaces` is the
 * resourceVersion of the Secret that was judged, so that two writers never overwrite one another's work.
 */
export type IssueRequest =
  /** A new authority; `trusted` are the former ones that webhooks must go on trusting. */
  | { issue: "authority"; replaces?: string; trusted: CertificateFacts[]; because: string }
  /** The same authority with another list of former ones. */
  | { issue: "trusted-list"; replaces: string; trusted: CertificateFacts[]; because: string }
  | { issue: "leaf"; replaces?: string; because: string };

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** Certificates are renewed this long before they expire (reference/controller.md 4.5). */
const renewBeforeMs = 60 * dayMs;
/** From here on an expiring certificate is worse than an unconfirmed one. */
const lastCallMs = 7 * dayMs;
/** How long a server that lost its Secret waits for its webhooks to trust a new authority. */
const lostLeafPatienceMs = 10 * minuteMs;
/** Clocks of different machines differ; a certificate from further in the future is a mistake. */
const clockSkewMs = 5 * minuteMs;
const longestWaitMs = 12 * 60 * minuteMs;

/** What to issue for this PolicyServer now, if anything. */
export function dueRequest({ authority, server, settleMs }: Observed, now: Date): IssueRequest | undefined {
  if (server.terminating) return undefined;
  return authorityRequest(authority, now) ?? leafRequest(authority, server, { now, settleMs });
}

/**
 * What to do about the CA Secret. A missing or damaged one is replaced, and its former certificate is then known from
 * the published bundles; one near its end is replaced while it is still trusted; what has expired is dropped.
 */
export function authorityRequest(authority: AuthorityFacts, now: Date): IssueRequest | undefined {
  const { current, secret } = authority;
  const because = reasonToReplace(authority, now);
  if (because !== undefined || !current || !secret) {
    const trusted = stillValid([...(current ? [current] : []), ...authority.old, ...authority.published.flat()], now);
    return { issue: "authority", replaces: secret?.resourceVersion, trusted, because: because ?? "there is none" };
  }
  // A bundle that lacks the present authority shows that it was replaced by hand. Where it does not, an authority that
  // is published but missing in the Secret was taken out on purpose.
  const replaced = authority.published.filter((bundle) => !includes(bundle, current));
  const trusted = stillValid([...authority.old, ...replaced.flat()], now).filter((each) => !isSame(each, current));
  if (sameList(trusted, authority.old)) return undefined;
  const why = "authorities that have expired leave the bundle, published ones stay in it";
  return { issue: "trusted-list", replaces: secret.resourceVersion, trusted, because: why };
}

/** Whether webhooks are known to trust the present bundle: `unknown` while nothing was ever registered. */
export function trustOf(authority: AuthorityFacts, server: ServerFacts): "confirmed" | "awaited" | "unknown" {
  if (server.trustedCaDigest === undefined) return "unknown";
  return server.trustedCaDigest === authority.bundle?.digest ? "confirmed" : "awaited";
}

/** Why the serving certificate is not fit for use, times included; undefined when it is. */
export function leafProblem({ leaf }: ServerFacts, now: Date): string | undefined {
  if (leaf.problem !== undefined) return leaf.problem;
  if (!leaf.certificate) return "there is none";
  if (!leaf.issuer) return "it is not signed by a trusted certificate authority";
  if (leaf.certificate.notAfter <= now) return "it has expired";
  if (leaf.certificate.notBefore.getTime() > now.getTime() + clockSkewMs) return "it is not valid yet";
  return undefined;
}

/** Milliseconds until time alone makes a difference. */
export function nextLookMs({ authority, server, settleMs }: Observed, now: Date): number {
  const { current, old } = authority;
  const { leaf, trustedSince } = server;
  const times = [
    current && before(current.notAfter, renewBeforeMs),
    current && after(current.notBefore, lostLeafPatienceMs),
    ...old.map((each) => each.notAfter.getTime()),
    leaf.certificate && before(leaf.certificate.notAfter, renewBeforeMs),
    leaf.certificate?.notAfter.getTime(),
    lastCall(server),
    trustedSince && after(trustedSince, settleMs),
  ];
  const future = times.filter((time) => time !== undefined && time > now.getTime()) as number[];
  return Math.min(longestWaitMs, ...future.map((time) => time - now.getTime()));
}

function reasonToReplace({ current, problem }: AuthorityFacts, now: Date): string | undefined {
  if (problem !== undefined) return problem;
  if (!current) return undefined;
  if (before(current.notAfter, renewBeforeMs) <= now.getTime()) {
    return `it expires at ${current.notAfter.toISOString()}`;
  }
  if (current.notBefore.getTime() > now.getTime() + clockSkewMs) return "it is not valid yet";
  return undefined;
}

function leafRequest(
  authority: AuthorityFacts,
  server: ServerFacts,
  { now, settleMs }: { now: Date; settleMs: number },
): IssueRequest | undefined {
  const { current, bundle } = authority;
  if (!current || !bundle) return undefined;
  const { leaf } = server;
  const request = (because: string): IssueRequest => ({
    issue: "leaf",
    replaces: leaf.secret?.resourceVersion,
    because,
  });
  const problem = leafProblem(server, now);
  const trust = trustOf(authority, server);
  if (leaf.issuer && isSame(leaf.issuer, current)) {
    // Webhooks that let this certificate pass let the next one of the same authority pass.
    const expiring = leaf.certificate && before(leaf.certificate.notAfter, renewBeforeMs) <= now.getTime();
    return problem !== undefined ? request(problem) : expiring ? request("it expires soon") : undefined;
  }
  if (problem !== undefined) {
    // Pods that still run keep the certificate they have: until webhooks trust the new authority, a new one would
    // only break them. Where nothing was ever registered, nothing can break.
    const patient = trust === "awaited" && now.getTime() < after(current.notBefore, lostLeafPatienceMs);
    return patient ? undefined : request(problem);
  }
  const deadline = lastCall(server);
  if (deadline !== undefined && deadline <= now.getTime()) return request("its last days have come");
  const settled = trust === "confirmed" && server.trustedSince &&
    after(server.trustedSince, settleMs) <= now.getTime();
  return settled ? request("webhooks trust the new certificate authority") : undefined;
}

/** When a certificate of a former authority is replaced even if nobody confirmed the new one. */
function lastCall({ leaf }: ServerFacts): number | undefined {
  if (!leaf.certificate || !leaf.issuer) return undefined;
  return Math.min(leaf.certificate.notAfter.getTime(), leaf.issuer.notAfter.getTime()) - lastCallMs;
}

/** Without repetitions and without those that have expired, in order. */
function stillValid(certificates: readonly CertificateFacts[], now: Date): CertificateFacts[] {
  return certificates.filter((each, index) =>
    each.notAfter > now && certificates.findIndex((other) => isSame(other, each)) === index
  );
}

function isSame(a: CertificateFacts, b: CertificateFacts): boolean {
  return a.fingerprint === b.fingerprint;
}

function includes(list: readonly CertificateFacts[], one: CertificateFacts): boolean {
  return list.some((each) => isSame(each, one));
}

function sameList(a: readonly CertificateFacts[], b: readonly CertificateFacts[]): boolean {
  return a.length === b.length && a.every((each) => includes(b, each));
}

function before(time: Date, ms: number): number {
  return time.getTime() - ms;
}

function after(time: Date, ms: number): number {
  return time.getTime() + ms;
}
