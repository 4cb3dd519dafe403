import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations } from "../../contracts/names.ts";
import type { AuthorityFacts, CertificateFacts, LeafFacts } from "./facts.ts";
import { hasLabels, secretFacts } from "./secret-facts.ts";
import { certFormatVersion, commonLabels, leafLabels, secretText } from "./secrets.ts";
import { signerOf } from "./signer.ts";
import { isKeyOf, readCertificates } from "./x509.ts";

/** Facts of a serving Secret. */
export async function servingFacts(
  secret: KubeObject | undefined,
  { owner, dnsName, authorities }: { owner: string; dnsName: string; authorities: CertificateFacts[] },
): Promise<LeafFacts> {
  if (!secret) return {};
  const owned = secret.metadata.ownerReferences?.some((each) => each.uid === owner) ?? false;
  const facts = { secret: secretFacts(secret, owned && hasLabels(secret, leafLabels)) };
  const unfit = (leaf: CertificateFacts, privateKey: string): string | undefined => {
    const format = secret.metadata.annotations?.[annotations.certFormatVersion];
    // Upstream's policy server reads no other frame.
    if (format !== certFormatVersion || !privateKey.includes("-----BEGIN EC PRIVATE KEY-----")) {
      return "tls.key is in another format";
    }
    return leaf.dnsNames.includes(dnsName) ? undefined : `it is not for "${dnsName}"`;
  };
  return { ...facts, ...await leafFacts(secret, { authorities, unfit }) };
}

/** Facts of the Secret with the client certificate of audit scanners, which read a key in any frame. */
export async function auditLeafFacts(
  secret: KubeObject | undefined,
  authorities: CertificateFacts[],
): Promise<LeafFacts> {
  if (!secret) return {};
  const facts = { secret: secretFacts(secret, hasLabels(secret, commonLabels)) };
  return { ...facts, ...await leafFacts(secret, { authorities, unfit: () => undefined }) };
}

/**
 * Every authority whose certificates may be in use. One that cannot sign any more still vouches for those it signed, and
 * so does the copy of one that others provide, for as long as they provide none.
 */
export function trustedAuthorities({ current, chain, old, listed, provided }: AuthorityFacts): CertificateFacts[] {
  return [...(current ? [current] : []), ...chain, ...(provided?.elsewhere ? listed : []), ...old];
}

async function leafFacts(
  secret: KubeObject,
  { authorities, unfit }: {
    authorities: CertificateFacts[];
    unfit: (leaf: CertificateFacts, privateKey: string) => string | undefined;
  },
): Promise<LeafFacts> {
  const text = secretText(secret, "tls.crt");
  const privateKey = secretText(secret, "tls.key");
  if (text === undefined) return { problem: "tls.crt is missing" };
  if (privateKey === undefined) return { problem: "tls.key is missing" };
  const parsed = await readCertificates(text).catch(() => []); // Damaged: the same as none.
  const [certificate] = parsed;
  if (!certificate) return { problem: "tls.crt holds no readable certificate" };
  // Policy servers refuse chains (reference/controller.md 4.2).
  if (parsed.length > 1) return { certificate, problem: "tls.crt holds more than one certificate" };
  const problem = unfit(certificate, privateKey) ??
    (await isKeyOf(privateKey, certificate.pem) ? undefined : "tls.key is not the key of tls.crt");
  if (problem !== undefined) return { certificate, problem };
  return { certificate, issuer: await signerOf(certificate, authorities) };
}
