import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import type { CertifiedKey } from "../modules/verify/certificate-verifier.ts";
import { type PathProblem, pathProblem } from "./certificate-path.ts";
import type { CertificateRequirement } from "./image-trust.ts";
import { certificateOf, type ReadCertificate } from "./read-certificate.ts";

// Every one of them is parsed while nothing else is done.
const maxChain = 16;

/**
 * The key of a certificate that a guest gave, if it may sign code and, where there is a chain, leads to one of its roots;
 * without a chain it is trusted as it is. That it has ended is no objection: what it signed before counts. Throws
 * VERIFICATION_FAILED with upstream's words. Source: reference/policy-server.md 5.4.6; `CertificateVerifier` of sigstore-rs.
 */
export async function certifiedKey(
  { certificate, chain }: Pick<CertificateRequirement, "certificate" | "chain">,
  now: Date,
): Promise<CertifiedKey> {
  const leaf = read(certificate);
  if (!leaf.isForSignatures) throw failed("Bundled certificate does not have digital signature key usage");
  if (!leaf.isForSigningCode) throw failed("Bundled certificate does not have code signing extended key usage");
  if (!leaf.hasAlternativeName) throw failed("Certificate without Subject Alternative Name");
  const { publicKey, notBefore, notAfter } = leaf;
  if (now < notBefore) {
    throw failed(`Certificate validity check failed: cannot be used before ${notBefore.toISOString()}`);
  }
  if (chain !== undefined) await assertIssuedBy(chain, leaf);
  return { publicKey, notBefore, notAfter };
}

/** Roots are anchors wherever they stand. What counts is when the certificate was issued: the chain may have ended since. */
async function assertIssuedBy(chain: readonly Uint8Array[], leaf: ReadCertificate): Promise<void> {
  if (chain.length > maxChain) throw failed(`a chain of ${chain.length} certificates is too long`);
  const authorities = chain.map(read);
  if (!authorities.every(({ isAuthority }) => isAuthority)) {
    throw failed("Certificate pool error: Cannot add a certificate that is no root or intermediate");
  }
  const at = leaf.notBefore;
  const isRoot = ({ subject, issuer }: ReadCertificate) => subject === issuer;
  const roots = authorities.filter((each) => isRoot(each) && each.notBefore <= at && at <= each.notAfter);
  const problem = await pathProblem(leaf, {
    intermediates: authorities.filter((each) => !isRoot(each)),
    anchorsFor: (issuer) => roots.filter(({ subject }) => subject === issuer),
    at,
  });
  if (problem !== undefined) {
    throw failed(`Certificate validity check failed: Not issued by a trusted root: ${reasonFor(problem)}`);
  }
}

function reasonFor(problem: PathProblem): string {
  switch (problem) {
    case "unknown-issuer":
      return "the chain has no root that it leads to and that was valid then";
    case "expired":
    case "not-yet-valid":
      return "an intermediate certificate was not valid then";
    default:
      return problem.other;
  }
}

function read(pem: Uint8Array): ReadCertificate {
  try {
    return certificateOf({ encoding: "Pem", data: pem });
  } catch (cause) {
    throw failed(`x509 error: ${messageOf(cause)}`, cause);
  }
}

function failed(message: string, cause?: unknown): KubewardenError {
  return new KubewardenError("VERIFICATION_FAILED", message, { cause });
}
