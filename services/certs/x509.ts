import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { CertificateFacts } from "./facts.ts";
import { ecPrivateKeyPem, importPrivateKey } from "./private-key.ts";
import type { CertifiedKey } from "./secrets.ts";

export const authorityName = "kubewarden-controller-ca";
/** Common name of the client certificate that audit scanners show (reference/controller.md 4.2). */
export const auditClientName = "audit-scanner-client";
export const authorityValidityDays = 3650;
export const leafValidityDays = 365;

const dayMs = 86_400_000;
const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
const signing = { name: "ECDSA", hash: "SHA-256" };

/** Makes a self-signed certificate authority, valid from `now` for ten years. */
export async function issueAuthority(now: Date): Promise<CertifiedKey> {
  const keys = await crypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(now, authorityValidityDays),
    serialNumber: serialNumber(),
    name: `CN=${authorityName}`,
    keys,
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      keyUsages(KeyUsageFlags.keyCertSign),
      extendedKeyUsage(),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pemOf(certificate), privateKey: await ecPrivateKeyPem(keys.privateKey) };
}

/** Who a certificate is for: a server by its DNS name, or a client that has none. */
export type Subject = { dnsName: string } | { clientName: string };

/** Makes a certificate signed by `authority`, valid from `now` for a year. */
export async function issueLeaf(o: { authority: CertifiedKey; now: Date } & Subject): Promise<CertifiedKey> {
  const keys = await crypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const issuer = new X509Certificate(o.authority.certificate);
  const { key: signingKey, algorithm: signingAlgorithm } = await importPrivateKey(o.authority.privateKey);
  const names = "dnsName" in o ? [new SubjectAlternativeNameExtension([{ type: "dns", value: o.dnsName }])] : [];
  const certificate = await X509CertificateGenerator.create({
    ...validity(o.now, leafValidityDays),
    serialNumber: serialNumber(),
    subject: `CN=${"dnsName" in o ? o.dnsName : o.clientName}`,
    // As the authority spells it, to the byte: Go and Rust compare names unparsed.
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm,
    extensions: [keyUsages(0), extendedKeyUsage(), ...names, await authorityKeyIdentifier(issuer)],
  });
  return { certificate: pemOf(certificate), privateKey: await ecPrivateKeyPem(keys.privateKey) };
}

/** Reads every certificate of a PEM text, in its order; other PEM blocks are passed over. Throws if one is damaged. */
export async function readCertificates(pem: string): Promise<CertificateFacts[]> {
  return await Promise.all(certificatesIn(pem).map(factsOf));
}

/** Whether a private key (PEM of any kind that signs here) belongs to the first certificate of a PEM text. Damaged input: false. */
export async function isKeyOf(privateKey: string, certificate: string): Promise<boolean> {
  try {
    const [parsed] = certificatesIn(certificate);
    const { key, algorithm } = await importPrivateKey(privateKey);
    const probe = new TextEncoder().encode("does this key belong to that certificate?");
    const publicKey = await parsed?.publicKey.export(algorithm, ["verify"]);
    if (!publicKey) return false;
    return await crypto.subtle.verify(algorithm, publicKey, await crypto.subtle.sign(algorithm, key, probe), probe);
  } catch {
    // Whatever cannot be parsed or imported is not the key of that certificate, which is all that was asked.
    return false;
  }
}

/** Whether `authority` signed `certificate` (first certificate of each PEM text); says nothing about times. */
export async function isSignedBy(certificate: string, authority: string): Promise<boolean> {
  const [signed] = certificatesIn(certificate), [signer] = certificatesIn(authority);
  if (!signed || !signer || signed.issuer !== signer.subject) return false;
  try {
    return await signed.verify({ publicKey: signer.publicKey, signatureOnly: true });
  } catch {
    // A signature made with another kind of key cannot even be checked, so it is not this authority's.
    return false;
  }
}

/**
 * Two authorities of the same name are trusted during a rotation; this tells verifiers which one to take. It must repeat
 * the authority's own identifier, however that was made.
 */
async function authorityKeyIdentifier(issuer: X509Certificate): Promise<Extension> {
  const own = issuer.getExtension(SubjectKeyIdentifierExtension)?.keyId;
  return own
    ? new AuthorityKeyIdentifierExtension(own)
    : await AuthorityKeyIdentifierExtension.create(issuer.publicKey);
}

function certificatesIn(pem: string): X509Certificate[] {
  return PemConverter.decodeWithHeaders(pem)
    .filter((block) => block.type === PemConverter.CertificateTag)
    .map((block) => new X509Certificate(block.rawData));
}

async function factsOf(certificate: X509Certificate): Promise<CertificateFacts> {
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
  return {
    pem: pemOf(certificate),
    fingerprint: hex(new Uint8Array(await certificate.getThumbprint("SHA-256"))),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    isAuthority: mayIssue(certificate),
    dnsNames: names.filter((name) => name.type === "dns").map((name) => name.value),
  };
}

/** Whether verifiers accept it as an issuer: RFC 5280 4.2.1.3 and 4.2.1.9. */
function mayIssue(certificate: X509Certificate): boolean {
  const usages = certificate.getExtension(KeyUsagesExtension)?.usages ?? KeyUsageFlags.keyCertSign;
  const isAuthority = certificate.getExtension(BasicConstraintsExtension)?.ca ?? false;
  return isAuthority && (usages & KeyUsageFlags.keyCertSign) !== 0;
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  // X.509 times count whole seconds: rounded down, the certificate is valid at once.
  const fromMs = Math.floor(now.getTime() / 1000) * 1000;
  return { notBefore: new Date(fromMs), notAfter: new Date(fromMs + days * dayMs) };
}

/** 16 random bytes with the top bit clear: below 2^128 and positive, as RFC 5280 4.1.2.2 asks. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return hex(bytes);
}

function keyUsages(more: number): Extension {
  return new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | more, true);
}

function extendedKeyUsage(): Extension {
  return new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]);
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
