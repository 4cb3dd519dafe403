import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import type { ImageReference, RegistryReader } from "../registry-reader.ts";
import type { Findings, FoundSignature } from "./find-signatures.ts";
import type { ImageVerifierOptions } from "./image-verifier.ts";
import { assertTimely, isTimed, type TimedKey } from "./sigstore/certified.ts";
import { isMadeWith, publicKeyFrom } from "./sigstore/keys.ts";
import type { Trust } from "./sigstore/trusted-root.ts";
import { decideBySignatures, nameOf, withRefused } from "./signed-manifest.ts";

/** The public key (PEM) of a certificate that is trusted, and when it is valid. */
export type CertifiedKey = { publicKey: string; notBefore: Date; notAfter: Date };

export type CertificateVerifierOptions = {
  registry: RegistryReader;
  signer: CertifiedKey;
  /** Whether a transparency log must have seen the signature while the certificate was valid. */
  mustBeLogged: boolean;
  annotations: Readonly<Record<string, string>> | undefined;
};

/**
 * Verifies that one signature of an image is made with a certificate's key and has the annotations; what a log says of it
 * must hold even where none is needed. Returns the digest that was signed. Throws VERIFICATION_FAILED in upstream's words;
 * TRUST_ROOT_UNAVAILABLE if it could not be told without one. Source: reference/policy-server.md 5.4.6 to 5.4.9.
 */
export type CertificateVerifier = (image: ImageReference, options: CertificateVerifierOptions) => Promise<string>;

/** Keeps no state: what is asked twice is looked at twice. */
export function certificateVerifier({ trustRoot, log }: ImageVerifierOptions): CertificateVerifier {
  return async (image, { registry, signer, mustBeLogged, annotations }) => {
    const { notBefore, notAfter, publicKey } = signer;
    const by = { key: publicKeyFrom(publicKey), notBefore, notAfter };
    const name = nameOf(image);
    return await decideBySignatures(image, {
      registry,
      async decide({ found, refused }, digest) {
        const trust = mustBeLogged || found.some(({ signed }) => isTimed(signed)) ? await known(trustRoot) : undefined;
        const judged: Findings["refused"] = [];
        for (const each of found) {
          const reason = reasonAgainst(each, { by, trust, mustBeLogged, annotations });
          if (reason === undefined) return digest;
          judged.push({ where: each.where, reason });
          log.debug("A signature does not count", { image: name, where: each.where, reason });
        }
        const message = found.length === 0
          ? `no signatures found for image: ${name} `
          : "verification failed: no signature is by the certificate as required";
        const code = mustBeLogged && trust instanceof KubewardenError ? trust.code : "VERIFICATION_FAILED";
        throw new KubewardenError(code, message + withRefused([...judged, ...refused]));
      },
    });
  };
}

/** A trust root, or why there is none. */
async function known(trustRoot: () => Promise<Trust>): Promise<Trust | KubewardenError> {
  try {
    return await trustRoot();
  } catch (error) {
    // Signatures that need not be logged may be enough still.
    if (error instanceof KubewardenError && error.code === "TRUST_ROOT_UNAVAILABLE") return error;
    throw error;
  }
}

type Wanted = Pick<CertificateVerifierOptions, "mustBeLogged" | "annotations"> & {
  by: TimedKey;
  trust: Trust | KubewardenError | undefined;
};

function reasonAgainst(
  { signed, claims }: FoundSignature,
  { by, trust, mustBeLogged, annotations }: Wanted,
): string | undefined {
  if (!isMadeWith(by.key, signed)) return "it was made with another key";
  const unmet = Object.entries(annotations ?? {}).find(([name, value]) => claims.get(name) !== value);
  if (unmet !== undefined) return `it has not the annotation ${unmet[0]}: ${unmet[1]}`;
  if (mustBeLogged && signed.entity.tlogEntries.length === 0) return "rekor bundle is missing";
  if (trust === undefined || (!mustBeLogged && !isTimed(signed))) return undefined;
  // As upstream: without a trust root nobody can be believed, and what a log says is as if it were not there.
  if (trust instanceof KubewardenError) return mustBeLogged ? trust.message : undefined;
  try {
    assertTimely(signed, { by, trust, mustBeLogged });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
