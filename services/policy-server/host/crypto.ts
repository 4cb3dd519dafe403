import "reflect-metadata";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  X509Certificate,
} from "@peculiar/x509";
import { messageOf } from "../../../contracts/errors.ts";
import { publicRootsOf } from "../../../runtime/public-roots.ts";
import { type AnswerBytes, answerOf } from "./answer.ts";
import { type PathCertificate, type PathProblem, pathProblem } from "./certificate-path.ts";
import type { CertificateTrust } from "./questions.ts";

type Encoded = CertificateTrust["cert"];

// Parsing takes time in which nothing else is done, and guests may send what they like.
const maxChain = 16;
const maxCertificateBytes = 64 * 1024;

/**
 * `crypto/v1/is_certificate_trusted`: whether a certificate is trusted by a chain, whose last entry is the anchor, or else
 * by the public roots. Throws for certificates and times that cannot be read; texts: reference/policy-server.md 5.7.
 */
export async function isCertificateTrusted(request: CertificateTrust, now = new Date()): Promise<AnswerBytes> {
  const at = request.not_after ? timeOf(request.not_after) : now;
  const leaf = readLeaf(request.cert);
  const chain = request.cert_chain;
  if (chain !== null && chain.length > maxChain) {
    throw new Error(`a chain of ${chain.length} certificates is too long`);
  }
  const authorities = chain?.map((each) => () => certificateOf(each));
  let problem: PathProblem | undefined;
  try {
    const known = authorities?.map((read) => read());
    problem = await pathProblem(leaf, {
      intermediates: known?.slice(0, -1) ?? [],
      anchorsFor: known === undefined
        ? publicAnchors
        : (issuer) => known.slice(-1).filter((each) => each.subject === issuer),
      at,
    });
  } catch (error) {
    if (error instanceof PemInvalid) throw error;
    problem = { other: messageOf(error) };
  }
  return answerOf(
    JSON.stringify({ trusted: problem === undefined, reason: problem === undefined ? "" : reasonFor(problem) }),
  );
}

class PemInvalid extends Error {}

function reasonFor(problem: PathProblem): string {
  switch (problem) {
    case "expired":
      return "Certificate is being used after its expiration date";
    case "not-yet-valid":
      return "Certificate is being used before its validity date";
    case "unknown-issuer":
      return "Certificate is not trusted by the provided cert chain";
    default:
      return `Certificate not trusted: ${problem.other}`;
  }
}

/** RFC 3339, to the second, as certificates have it; leap seconds count as the second before. */
function timeOf(text: string): Date {
  const [, day, time, zone = ""] =
    /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.exec(text) ?? [];
  const date = new Date(`${day}T${time?.replace(/60$/, "59")}${zone.toUpperCase()}`);
  // Dates roll over the end of a month: the 31st of June is none.
  const lastDay = new Date(Date.UTC(Number(day?.slice(0, 4)), Number(day?.slice(5, 7)), 0)).getUTCDate();
  if (Number.isNaN(date.getTime()) || Number(day?.slice(8)) > lastDay) {
    throw new Error("Timestamp not_after is not in RFC3339 format");
  }
  return date;
}

function readLeaf(encoded: Encoded): PathCertificate {
  try {
    return certificateOf(encoded);
  } catch (error) {
    if (error instanceof PemInvalid) throw error;
    throw new Error(`Certificate is not a valid end-entity certificate: ${messageOf(error)}`);
  }
}

function certificateOf({ encoding, data }: Encoded): PathCertificate {
  if (data.length > 2 * maxCertificateBytes) throw new Error(`${data.length} bytes are too many`);
  const bytes = Uint8Array.from(data);
  const der = encoding === "Der" ? bytes : derOf(new TextDecoder().decode(bytes));
  if (der.length > maxCertificateBytes) throw new Error(`${der.length} bytes are too many`);
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

function publicAnchors(issuer: string): PathCertificate[] {
  const name = Uint8Array.from(issuer, (character) => character.charCodeAt(0));
  return publicRootsOf(name).map((der) => new ReadCertificate(new X509Certificate(der)))
    .filter(({ subject }) => subject === issuer);
}

const nameConstraints = "2.5.29.30";
/** Critical extensions that may be there: basic constraints, key usage, extended key usage, alternative names. */
const understood = new Set(["2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17"]);
const hashes = new Set(["SHA-256", "SHA-384", "SHA-512"]);
const minRsaBits = 2048;

class ReadCertificate implements PathCertificate {
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
