import type { SignatureRequirement } from "../../contracts/verification-config.ts";
import type { Requirements } from "../../services/policy-server/modules/verify/requirements.ts";

/** Who says in a certificate who the signer is, unless the test asks for another (certificate-authority.ts). */
export const issuer = "https://accounts.example.com";

/** Whom a certificate names, unless the test asks for another. */
export const user1 = {
  kind: "genericIssuer",
  issuer,
  subject: { equal: "user1@example.com" },
  annotations: undefined,
} as const satisfies SignatureRequirement;
export const byUser1: Requirements = { allOf: [user1] };

/** A signature by this key, in PEM. */
export function ofKey(
  key: string,
  annotations?: Record<string, string>,
): Extract<SignatureRequirement, { kind: "pubKey" }> {
  return { kind: "pubKey", key, owner: undefined, annotations };
}
export const byKey = (key: string): Requirements => ({ allOf: [ofKey(key)] });
