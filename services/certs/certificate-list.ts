// pure
import type { CertificateFacts } from "./facts.ts";
import { hasExpired } from "./times.ts";

/** Without repetitions and without those that have expired, in order. */
export function stillValid(certificates: readonly CertificateFacts[], now: Date): CertificateFacts[] {
  return distinct(certificates).filter((each) => !hasExpired(each, now));
}

/** Without repetitions, in order. */
export function distinct(certificates: readonly CertificateFacts[]): CertificateFacts[] {
  return certificates.filter((each, index) => certificates.findIndex((other) => isSame(other, each)) === index);
}

export function isSame(a: CertificateFacts | undefined, b: CertificateFacts | undefined): boolean {
  return a !== undefined && a.fingerprint === b?.fingerprint;
}

export function includes(list: readonly CertificateFacts[], one: CertificateFacts): boolean {
  return list.some((each) => isSame(each, one));
}

/** Whether two lists hold the same, in any order. */
export function sameList(a: readonly CertificateFacts[], b: readonly CertificateFacts[]): boolean {
  return a.length === b.length && a.every((each) => includes(b, each));
}

/** One PEM text of all of them. */
export function pemOf(certificates: readonly CertificateFacts[]): string {
  return certificates.map(({ pem }) => pem).join("");
}
