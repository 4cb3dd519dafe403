import { type SignedEntity, type TrustMaterial, Verifier } from "@sigstore/verify";
import { KubewardenError } from "../../../../../contracts/errors.ts";
import { completeNodeCrypto } from "../../../../../runtime/node-crypto.ts";
import { isMadeWith, type PublicKey } from "./keys.ts";
import { reasonOf } from "./reason.ts";
import type { Signed } from "./signed.ts";

/** A key that counts for what was signed in this time. */
export type TimedKey = { key: PublicKey; notBefore: Date; notAfter: Date };

/** Whether something besides the signature, a log or a timestamp authority, says when it was made. */
export function isTimed({ entity }: Signed): boolean {
  return entity.tlogEntries.length + entity.timestamps.length > 0;
}

/**
 * What logs and timestamp authorities say of a signature by this key: that they are trusted and mean this very signature,
 * and that the key counted then. `mustBeLogged`: there has to be a log entry, and a time. Throws VERIFICATION_FAILED.
 */
export function assertTimely(
  signed: Signed,
  { by, trust, mustBeLogged }: { by: TimedKey; trust: TrustMaterial; mustBeLogged: boolean },
): void {
  completeNodeCrypto();
  const publicKey = () => ({ publicKey: by.key, validFor: (time: Date) => isWithin(by, time) });
  const threshold = mustBeLogged ? 1 : 0;
  const verifier = new Verifier({ ...trust, publicKey }, {
    tlogThreshold: threshold,
    timestampThreshold: threshold,
    ctlogThreshold: 0,
  });
  try {
    verifier.verify({
      ...signed.entity,
      key: { $case: "public-key", hint: "" },
      signature: withAnyDigest(signed),
    });
  } catch (cause) {
    throw new KubewardenError("VERIFICATION_FAILED", reasonOf(cause), { cause });
  }
}

function isWithin({ notBefore, notAfter }: TimedKey, time: Date): true {
  if (time >= notBefore && time <= notAfter) return true;
  throw new Error(`its certificate was not valid when it was made: ${time.toISOString()}`);
}

/** The library takes the digest that an entity names; which one was signed with is nowhere written down. */
function withAnyDigest(signed: Signed): SignedEntity["signature"] {
  const content = signed.entity.signature;
  return {
    signature: content.signature,
    compareSignature: (signature) => content.compareSignature(signature),
    compareDigest: (digest) => content.compareDigest(digest),
    compareSignedDigest: (digest) => content.compareSignedDigest(digest),
    verifySignature: (key) => isMadeWith(key, signed),
  };
}
