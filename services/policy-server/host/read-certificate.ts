import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
} from "@peculiar/x509";
import { messageOf } from "../../../contracts/errors.ts";
import type { PathCertificate } from "./certificate-path.ts";

export type EncodedCertificate = { encoding: "Pem" | "Der"; data: Uint8Array | readonly number[] };

/** What was given as PEM is none. */
export class PemInvalid extends Error {}

const maxCertificateBytes = 64 * 1024;

/** Reads a certificate that a guest sent; of several in one PEM the first. Throws PemInvalid, or Error with what is wrong. */
export function certificateOf({ encoding, data }: EncodedCertificate): ReadCertificate {
  if (data.length > 2 * maxCertificateBytes) throw new Error(`${data.length} bytes are too many`);
  const bytes = Uint8Array.from(data);
  const der = encoding === "Der" ? bytes : derOf(new TextDecoder().decode(bytes));
  if (der.length > maxCertificateBytes) throw new Error(`${der.length} bytes are too many`);
  return readDer(der);
}

/** Reads a certificate. Throws Error with what is wrong. */
export function readDer(der: Uint8Array<ArrayBuffer>): ReadCertificate {
  return new ReadCertificate(new X509Certificate(der));
}

function derOf(pem: string): Uint8Array<ArrayBuffer> {
  try {
    const block = PemConverter.decodeWithHeaders(pem).find(({ type }) => type === PemConverter.CertificateTag);
    if (block === undefined) throw new Error("it holds no certificate");
    return new Uint8Array(block.rawData);
  } catch (error) {
    throw new PemInvalid(`Certificate PEM data is not valid: ${messageOf(error)}`);
  }
}

const nameConstraints = "2.5.29.30";
/** Critical extensions that may be there: basic constraints, key usage, extended key usage, alternative names. */
const understood = new Set(["2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17"]);
const hashes = new Set(["SHA-256", "SHA-384", "SHA-512"]);
const minRsaBits = 2048;

/** A certificate in the terms of paths, and what else is asked of those that sign. */
export class ReadCertificate implements PathCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isAuthority: boolean;
  readonly pathLength: number | undefined;
  readonly unsupported: string | undefined;
  readonly #certificate: X509Certificate;

  constructor(certificate: X509Certificate) {
    const constraints = certificate.getExtension(BasicConstraintsExtension);
    const usages = certificate.getExtension(KeyUsagesExtension)?.usages ?? KeyUsageFlags.keyCertSign;
    this.#certificate = certificate;
    this.subject = nameText(certificate.subjectName.toArrayBuffer());
    this.issuer = nameText(certificate.issuerName.toArrayBuffer());
    this.notBefore = certificate.notBefore;
    this.notAfter = certificate.notAfter;
    this.isAuthority = (constraints?.ca ?? false) && (usages & KeyUsageFlags.keyCertSign) !== 0;
    this.pathLength = constraints?.pathLength;
    this.unsupported = unsupportedIn(certificate);
  }

  /** SubjectPublicKeyInfo, as PEM. */
  get publicKey(): string {
    return this.#certificate.publicKey.toString("pem");
  }

  get isForSignatures(): boolean {
    const usages = this.#certificate.getExtension(KeyUsagesExtension)?.usages ?? 0;
    return (usages & KeyUsageFlags.digitalSignature) !== 0;
  }

  get isForSigningCode(): boolean {
    const usages = this.#certificate.getExtension(ExtendedKeyUsageExtension)?.usages ?? [];
    return usages.includes(ExtendedKeyUsage.codeSigning);
  }

  get hasAlternativeName(): boolean {
    return this.#certificate.getExtension(SubjectAlternativeNameExtension) !== null;
  }

  async isSignedBy(signer: PathCertificate): Promise<boolean> {
    if (!(signer instanceof ReadCertificate)) return false;
    const { signatureAlgorithm } = this.#certificate, { publicKey } = signer.#certificate;
    const { hash } = signatureAlgorithm as { hash?: { name: string } };
    if (hash !== undefined && !hashes.has(hash.name)) throw new Error(`${hash.name} signatures are too weak`);
    const { modulusLength = minRsaBits } = publicKey.algorithm as { modulusLength?: number };
    if (modulusLength < minRsaBits) throw new Error(`an RSA key of ${modulusLength} bits is too weak`);
    return await this.#certificate.verify({ publicKey, signatureOnly: true });
  }
}

/** Whoever does not keep a rule that a certificate makes must not trust it (RFC 5280 4.2). */
function unsupportedIn({ extensions }: X509Certificate): string | undefined {
  const rule = extensions.find(({ type, critical }) => type === nameConstraints || (critical && !understood.has(type)));
  if (rule === undefined) return undefined;
  return rule.type === nameConstraints
    ? "name constraints are not supported"
    : `the critical extension ${rule.type} is not supported`;
}

/** Names are equal if their bytes are; one character a byte. */
function nameText(der: ArrayBuffer): string {
  return String.fromCharCode(...new Uint8Array(der));
}
