// pure
import type { AuthorityFacts } from "./facts.ts";
import type { IssueRequest } from "./issue-request.ts";
import { includes, isSame, sameList, stillValid } from "./certificate-list.ts";
import { hasExpired, isFromTheFuture, renewalTime } from "./times.ts";

/**
 * What to do about Secret `kubewarden-ca`. A missing or damaged authority is replaced, and its former certificate is then
 * known from the published bundles; one near its end is replaced while it is still trusted; what has expired is dropped.
 * One that somebody else provides is never replaced: a copy of its certificates and the former ones are kept.
 */
export function authorityRequest(authority: AuthorityFacts, now: Date): IssueRequest | undefined {
  const { current, chain, secret, provided } = authority;
  const replaces = secret?.resourceVersion;
  const fault = authorityFault(authority, now);
  if (provided && fault !== undefined) return undefined;
  if (!provided) {
    const because = fault ??
      (current && renewalTime(current) <= now.getTime()
        ? `it expires at ${current.notAfter.toISOString()}`
        : undefined);
    if (because !== undefined) {
      const present = current ? [current, ...chain] : [];
      const trusted = stillValid([...present, ...authority.old, ...authority.published.flat()], now);
      return { issue: "authority", replaces, trusted, because };
    }
  }
  if (!current) return undefined;
  // A bundle that lacks the present authority shows that it was replaced by hand. Where it does not, an authority that
  // is published but missing in the Secret was taken out on purpose; unless the Secret is gone altogether.
  const replaced = authority.published.filter((bundle) => !secret || !includes(bundle, current));
  const copied = isSame(authority.listed[0], current);
  const former = [...(provided?.elsewhere && !copied ? authority.listed : []), ...authority.old, ...replaced.flat()];
  const trusted = stillValid(former, now).filter((each) => !includes([current, ...chain], each));
  if (provided?.elsewhere && (!secret || !copied)) {
    return { issue: "copy", replaces, trusted, because: `Secret "${provided.secretName}" provides another` };
  }
  const isRight = authority.isListed || !keepsList(authority);
  if (!secret || sameList(trusted, authority.old) && isRight) return undefined;
  const because = "authorities that have expired leave the bundle, published ones stay in it";
  return { issue: "trusted-list", replaces: secret.resourceVersion, trusted, because };
}

/** Whether `ca.crt` of `kubewarden-ca` is ours to write. */
export function keepsList({ provided }: AuthorityFacts): boolean {
  return !provided || provided.elsewhere;
}

/** Why the present authority cannot sign now, times included; undefined when it can. */
export function authorityFault({ current, problem }: AuthorityFacts, now: Date): string | undefined {
  if (problem !== undefined) return problem;
  if (!current) return "there is none";
  if (hasExpired(current, now)) return `it expired at ${current.notAfter.toISOString()}`;
  if (isFromTheFuture(current, now)) return "it is not valid yet";
  return undefined;
}

/** Whether the authority can sign and its Secret says all that is to be published. */
export function isStanding(authority: AuthorityFacts, now: Date): boolean {
  return authority.bundle !== undefined && authorityFault(authority, now) === undefined &&
    authorityRequest(authority, now) === undefined;
}
