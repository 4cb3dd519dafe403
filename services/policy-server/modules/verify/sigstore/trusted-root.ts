import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toTrustMaterial, type TrustMaterial } from "@sigstore/verify";
import { KubewardenError, messageOf } from "../../../../../contracts/errors.ts";
import { camelCased } from "./protobuf-names.ts";

/** Whom to believe: certificate authorities, transparency logs, certificate logs, timestamp authorities. */
export type Trust = TrustMaterial;

/** Reads the JSON of a TrustedRoot. Throws TRUST_ROOT_UNAVAILABLE if it is none or nobody could be believed by it. */
export function trustFrom(value: unknown): Trust {
  try {
    return usable(TrustedRoot.fromJSON(camelCased(value)));
  } catch (cause) {
    const message = `the Sigstore trust root cannot be used: ${messageOf(cause)}`;
    throw new KubewardenError("TRUST_ROOT_UNAVAILABLE", message, { cause });
  }
}

/** What the verifier needs of a trusted root. Throws an Error if nobody could be believed by it. */
export function usable(root: TrustedRoot): Trust {
  if (root.certificateAuthorities.length === 0) throw new Error("it names no certificate authority");
  if (root.tlogs.length === 0) throw new Error("it names no transparency log");
  // Keys are asked for by requirements only, and checked without a trust root.
  return toTrustMaterial(root, {});
}
