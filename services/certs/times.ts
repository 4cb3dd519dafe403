// pure
import type { CertificateFacts } from "./facts.ts";

export const minuteMs = 60_000;
export const dayMs = 86_400_000;
/** Certificates are renewed this long before they expire (reference/controller.md 4.5). */
const renewBeforeMs = 60 * dayMs;
/** From here on an expiring certificate is worse than an unconfirmed one. */
const lastCallMs = 7 * dayMs;
/** Clocks of different machines differ; a certificate from further in the future is a mistake. */
const clockSkewMs = 5 * minuteMs;

/** When a certificate of ours is renewed. */
export function renewalTime({ notAfter }: CertificateFacts): number {
  return notAfter.getTime() - renewBeforeMs;
}

/**
 * When an authority that somebody else provides is late: earlier than for ours only where it lives for less than a year.
 * cert-manager replaces one when a third of its life is left, so the last fifth is late.
 */
export function providedRenewalTime(authority: CertificateFacts): number {
  return authority.notAfter.getTime() - Math.min(renewBeforeMs, lifeMs(authority) / 5);
}

/** When a certificate of a former authority is replaced even if nobody confirmed the present one. */
export function lastCall(leaf: CertificateFacts, issuer: CertificateFacts): number {
  return Math.min(...[leaf, issuer].map((each) => each.notAfter.getTime() - Math.min(lastCallMs, lifeMs(each) / 8)));
}

export function hasExpired({ notAfter }: CertificateFacts, now: Date): boolean {
  return notAfter <= now;
}

export function isFromTheFuture({ notBefore }: CertificateFacts, now: Date): boolean {
  return notBefore.getTime() > now.getTime() + clockSkewMs;
}

function lifeMs({ notBefore, notAfter }: CertificateFacts): number {
  return notAfter.getTime() - notBefore.getTime();
}
