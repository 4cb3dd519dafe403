import type { CertificateFacts } from "./facts.ts";
import { isSignedBy } from "./x509.ts";

/** The first of some authorities that signed a certificate. */
export async function signerOf(
  { pem }: CertificateFacts,
  authorities: readonly CertificateFacts[],
): Promise<CertificateFacts | undefined> {
  for (const authority of authorities) if (await isSignedBy(pem, authority.pem)) return authority;
  return undefined;
}
