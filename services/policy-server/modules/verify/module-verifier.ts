import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import type { VerificationConfig } from "../../../../contracts/verification-config.ts";
import { sha256Hex } from "../../../../runtime/digest.ts";
import type { Log } from "../../../../runtime/telemetry/log.ts";
import type { VerifyImage } from "../fetch.ts";
import type { ImageReference, RegistryReader } from "../registry-reader.ts";
import { type ImageVerifier, keysOf, type VerifiedImage } from "./image-verifier.ts";
import { nameOf } from "./signed-manifest.ts";
import type { SignatureFacts } from "./signature-facts.ts";

export type ModuleVerifierOptions = { verifyImage: ImageVerifier; log: Log };

/**
 * Holds every module against the operator's requirements. Throws at once VERIFICATION_FAILED if a key of theirs cannot be
 * read; the function throws VERIFICATION_FAILED or TRUST_ROOT_UNAVAILABLE.
 */
export function moduleVerifier(
  requirements: VerificationConfig,
  { verifyImage, log }: ModuleVerifierOptions,
): VerifyImage {
  keysOf(requirements);
  return async (image, { reader }) => {
    const { digest, signatures } = await verified(image, reader);
    const module = nameOf(image);
    if (signatures.length < (requirements.anyOf?.minimumMatches ?? 0)) {
      log.warn("One signature counts for several entries of anyOf", { module, digest });
    }
    log.info("Module verified", { module, digest, signers: signatures.map(signerOf) });
    return digest;
  };

  async function verified(image: ImageReference, registry: RegistryReader): Promise<VerifiedImage> {
    try {
      return await verifyImage(image, { registry, requirements });
    } catch (cause) {
      // A registry that does not answer leaves the module as unverified as a wrong signature does.
      if (!(cause instanceof KubewardenError) || cause.code === "TRUST_ROOT_UNAVAILABLE") throw cause;
      throw new KubewardenError("VERIFICATION_FAILED", messageOf(cause), { cause });
    }
  }
}

/** Whom to name in the log: who the certificate says it was, or the key by its digest. */
function signerOf({ keys, identity }: SignatureFacts): string {
  const byKey = [...keys].map((pem) => `key sha256:${sha256Hex(pem.trim()).slice(0, 16)}`);
  return [...identity === undefined ? [] : [`${identity.subject.value} (${identity.issuer})`], ...byKey].join(", ");
}
