import { crypto } from "@sigstore/core";
import { KubewardenError, messageOf } from "../../../../../contracts/errors.ts";
import type { Signed } from "./signed.ts";

/** A public key, ready to use. */
export type PublicKey = crypto.KeyObject;

// Whoever signs chooses one that fits the key; which one is nowhere written down.
const digests = ["sha256", "sha384", "sha512"];

/** Reads a public key: EC, RSA or Ed25519, as PEM. Throws VERIFICATION_FAILED. */
export function publicKeyFrom(pem: string): PublicKey {
  try {
    return crypto.createPublicKey(pem.trim());
  } catch (cause) {
    throw new KubewardenError("VERIFICATION_FAILED", `a public key cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** Whether a signature was made with this key. No log and no time counts: whoever trusts a key trusts it alone. */
export function isMadeWith(key: PublicKey, { entity, bytes }: Signed): boolean {
  const { signature } = entity.signature;
  const verify = (digest?: string) => crypto.verify(Buffer.from(bytes), key, signature, digest);
  return key.asymmetricKeyType === "ed25519" ? verify() : digests.some(verify);
}
