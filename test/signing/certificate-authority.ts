import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { X509Certificate as ParsedCertificate } from "@sigstore/core";
import { octets, utf8String } from "./der.ts";
import { hash, type Keys, makeKeys, signWith } from "./keys.ts";

const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
const fulcio = "1.3.6.1.4.1.57264.1";
const minuteMs = 60_000;

/** An authority as Fulcio: a root that signs certificates of ten minutes, and a log that promises to show them. */
export type CertificateAuthority = { keys: Keys; certificate: X509Certificate; ctLog: Keys };

export type CertificateOptions = {
  keys: Keys;
  /** What the certificate says of the signer; a list makes several names, an empty one none. */
  names?: readonly { type: "email" | "url"; value: string }[];
  /** Of the token; both spellings are written. */
  issuer?: string;
  /** `owner/repo`: the older extension of workflows; and a URL: the newer. */
  workflowRepository?: string;
  sourceRepository?: string;
  notBefore: Date;
  notAfter?: Date;
  usage?: "codeSigning" | "serverAuth";
  keyUsage?: "digitalSignature" | "keyEncipherment";
  /** A promise of the log is in it unless this is false; or one of another log. */
  promised?: boolean | Keys;
};

/** A root, or an intermediate `by` another authority. */
export async function makeCertificateAuthority(
  name = "fulcio.test",
  { by, notAfter = new Date("2040-01-01") }: { by?: CertificateAuthority; notAfter?: Date } = {},
): Promise<CertificateAuthority> {
  const keys = makeKeys();
  const subject = `O=${name},CN=${name}`;
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: by === undefined ? subject : by.certificate.subjectName,
    serialNumber: serialNumber(),
    notBefore: new Date("2020-01-01"),
    notAfter,
    publicKey: await publicKey(keys),
    signingKey: await signingKey((by ?? { keys }).keys),
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 1, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(await publicKey(keys)),
    ],
  });
  return { keys, certificate, ctLog: makeKeys() };
}

/** A signer's certificate, as DER. */
export async function issueCertificate(authority: CertificateAuthority, options: CertificateOptions): Promise<Buffer> {
  const { notBefore, usage = "codeSigning", keyUsage = "digitalSignature", promised = true } = options;
  const names = options.names ?? [{ type: "email", value: "user1@example.com" }];
  const { issuer = "https://accounts.example.com", workflowRepository, sourceRepository } = options;
  const extensions = [
    new KeyUsagesExtension(KeyUsageFlags[keyUsage], true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage[usage]]),
    new BasicConstraintsExtension(false, undefined, true),
    ...names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names], true)],
    new Extension(`${fulcio}.1`, false, Buffer.from(issuer)),
    new Extension(`${fulcio}.8`, false, utf8String(issuer)),
    ...workflowRepository === undefined ? [] : [new Extension(`${fulcio}.5`, false, Buffer.from(workflowRepository))],
    ...sourceRepository === undefined ? [] : [new Extension(`${fulcio}.12`, false, utf8String(sourceRepository))],
  ];
  const parameters = {
    serialNumber: serialNumber(),
    subject: "",
    issuer: authority.certificate.subjectName,
    notBefore,
    notAfter: options.notAfter ?? new Date(notBefore.getTime() + 10 * minuteMs),
    publicKey: await publicKey(options.keys),
    signingKey: await signingKey(authority.keys),
    signingAlgorithm,
  };
  const before = await X509CertificateGenerator.create({ ...parameters, extensions });
  if (promised === false) return Buffer.from(before.rawData);
  const log = promised === true ? authority.ctLog : promised;
  const promise = promiseFor(Buffer.from(before.rawData), { log, issuer: authority.keys.spki, at: notBefore });
  const certificate = await X509CertificateGenerator.create({ ...parameters, extensions: [...extensions, promise] });
  return Buffer.from(certificate.rawData);
}

/** The extension with one signed certificate timestamp over a certificate that lacks it (RFC 6962, 3.2 and 3.3). */
function promiseFor(certificate: Buffer<ArrayBuffer>, { log, issuer, at }: { log: Keys; issuer: Buffer; at: Date }) {
  const toBeSigned = ParsedCertificate.parse(certificate).tbsCertificate.toDER();
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(at.getTime()));
  const noExtensions = Buffer.from([0, 0]);
  const signed = Buffer.concat([
    Buffer.from([0, 0]),
    time,
    Buffer.from([0, 1]),
    hash(issuer),
    lengthOf(toBeSigned, 3),
    toBeSigned,
    noExtensions,
  ]);
  const signature = signWith(log, signed);
  const timestamp = Buffer.concat([
    Buffer.from([0]),
    hash(log.spki),
    time,
    noExtensions,
    Buffer.from([4, 3]),
    lengthOf(signature, 2),
    signature,
  ]);
  const list = Buffer.concat([lengthOf(timestamp, 2), timestamp]);
  return new Extension("1.3.6.1.4.1.11129.2.4.2", false, octets(Buffer.concat([lengthOf(list, 2), list])));
}

function lengthOf(bytes: Uint8Array, size: number): Buffer {
  const length = Buffer.alloc(size);
  length.writeUIntBE(bytes.length, 0, size);
  return length;
}

/** Positive and without leading zeros, as DER wants integers. */
function serialNumber(): string {
  return `4${crypto.randomUUID().replaceAll("-", "").slice(1)}`;
}

async function signingKey({ privateKey }: Keys): Promise<CryptoKey> {
  const pkcs8 = Buffer.from(privateKey.export({ type: "pkcs8", format: "der" }));
  return await crypto.subtle.importKey("pkcs8", pkcs8, ecdsa, true, ["sign"]);
}

async function publicKey({ spki }: Keys): Promise<CryptoKey> {
  return await crypto.subtle.importKey("spki", Buffer.from(spki), ecdsa, true, ["verify"]);
}
