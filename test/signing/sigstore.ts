import {
  type CertificateAuthority,
  type CertificateOptions,
  issueCertificate,
  makeCertificateAuthority,
} from "./certificate-authority.ts";
import { hash, type Keys, makeKeys, signWith } from "./keys.ts";
import { timestamp, type TimestampAuthority } from "./timestamp-authority.ts";
import {
  dsseRekord,
  hashedRekord,
  type LogEntry,
  logged,
  makeTransparencyLog,
  newerRekord,
  type TransparencyLog,
} from "./transparency-log.ts";

/** A Sigstore of one's own: who issues certificates and who logs signatures. */
export type Sigstore = { authority: CertificateAuthority; log: TransparencyLog; timestamps?: TimestampAuthority };

export async function makeSigstore(): Promise<Sigstore> {
  return { authority: await makeCertificateAuthority(), log: makeTransparencyLog() };
}

/** What verifiers are given to trust it: the JSON of a TrustedRoot. */
export function trustedRootOf({ authority, log, timestamps }: Sigstore, { ctLogs = true } = {}) {
  const logOf = (keys: Keys, baseUrl: string) => ({
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: keys.spki.toString("base64"),
      keyDetails: "PKIX_ECDSA_P256_SHA_256",
      validFor: { start: "2020-01-01T00:00:00Z" },
    },
    logId: { keyId: hash(keys.spki).toString("base64") },
  });
  const authorityOf = (...chain: Uint8Array[]) => ({
    subject: { organization: "test", commonName: "test" },
    uri: "https://authority.test",
    certChain: { certificates: chain.map((each) => ({ rawBytes: Buffer.from(each).toString("base64") })) },
    validFor: { start: "2020-01-01T00:00:00Z" },
  });
  return {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [logOf(log.keys, `https://${log.name}`)],
    certificateAuthorities: [authorityOf(new Uint8Array(authority.certificate.rawData))],
    ctlogs: ctLogs ? [logOf(authority.ctLog, "https://ctlog.test")] : [],
    timestampAuthorities: timestamps
      ? [authorityOf(timestamps.certificate, new Uint8Array(timestamps.authority.certificate.rawData))]
      : [],
  };
}

/** Who signs: with a key alone, or with a certificate for it, logged at a time. */
export type Signer = {
  keys: Keys;
  certificate?: Buffer;
  log?: TransparencyLog;
  at: Date;
  /** The log's entries have no time then, and this says it. */
  timestamps?: TimestampAuthority;
};

export const signingTime = new Date("2026-01-02T03:04:05Z");

/** A signer with a fresh certificate, in time. */
export async function keylessSigner(
  { authority, log, timestamps }: Sigstore,
  options: Partial<CertificateOptions> & { at?: Date } = {},
): Promise<Signer & { certificate: Buffer }> {
  const keys = options.keys ?? makeKeys();
  const certificate = await issueCertificate(authority, { notBefore: signingTime, ...options, keys });
  const at = options.at ?? new Date(signingTime.getTime() + 5_000);
  return { keys, certificate, log, at, ...timestamps && { timestamps } };
}

/** cosign's payload about an image. */
export function payloadAbout(digest: string, optional: Record<string, unknown> | null = null): Buffer {
  const critical = {
    identity: { "docker-reference": "registry.test/policy" },
    image: { "docker-manifest-digest": digest },
    type: "cosign container image signature",
  };
  return Buffer.from(JSON.stringify({ critical, optional }));
}

/** The annotations of a layer of cosign's simple signing. */
export function simpleSigningAnnotations(signer: Signer, payload: Uint8Array): Record<string, string> {
  const { keys, certificate, log, at } = signer;
  const signature = signWith(keys, payload);
  const annotations: Record<string, string> = { "dev.cosignproject.cosign/signature": signature.toString("base64") };
  if (certificate) annotations["dev.sigstore.cosign/certificate"] = pemOf(certificate);
  if (log) {
    const entry = logged(log, hashedRekord({ signed: payload, signature, verifier: verifierOf(signer) }), at);
    annotations["dev.sigstore.cosign/bundle"] = JSON.stringify(cosignBundleOf(entry));
  }
  return annotations;
}

/** An entry as cosign's annotation has it. */
export function cosignBundleOf(entry: LogEntry): object {
  return {
    SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp,
    Payload: {
      body: entry.canonicalizedBody,
      integratedTime: Number(entry.integratedTime),
      logIndex: Number(entry.logIndex),
      logID: Buffer.from(entry.logId.keyId, "base64").toString("hex"),
    },
  };
}

/** What cosign 3 states of an image, see `signDigestBundle` of its `cmd/cosign/cli/sign/sign.go`. */
export function statementAbout(
  digest: string,
  { annotations, predicateType = "https://sigstore.dev/cosign/sign/v1" }: {
    annotations?: Record<string, unknown>;
    predicateType?: string;
  } = {},
): object {
  const [algorithm = "", hex = ""] = digest.split(":");
  const subject = { digest: { [algorithm]: hex }, ...annotations && { annotations } };
  return { _type: "https://in-toto.io/Statement/v1", subject: [subject], predicateType, predicate: {} };
}

/** A bundle around an envelope, as cosign 3 pushes it. */
export function envelopeBundle(signer: Signer, statement: object, payloadType = "application/vnd.in-toto+json") {
  const payload = Buffer.from(JSON.stringify(statement));
  const signature = signWith(signer.keys, preAuthEncoding(payloadType, payload));
  const { certificate, timestamps } = signer;
  const body = timestamps && certificate
    ? newerRekord({ payload, signature, certificate })
    : dsseRekord({ payload, signature, verifier: verifierOf(signer) });
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: materialOf(signer, { body, signature }),
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType,
      signatures: [{ sig: signature.toString("base64"), keyid: "" }],
    },
  };
}

/** A bundle around a signature of the bytes themselves. */
export function messageBundle(signer: Signer, message: Uint8Array) {
  const signature = signWith(signer.keys, message);
  const { certificate, timestamps } = signer;
  const body = timestamps && certificate
    ? newerRekord({ signed: message, signature, certificate })
    : hashedRekord({ signed: message, signature, verifier: verifierOf(signer) });
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: materialOf(signer, { body, signature }),
    messageSignature: {
      messageDigest: { algorithm: "SHA2_256", digest: hash(message).toString("base64") },
      signature: signature.toString("base64"),
    },
  };
}

export function pemOf(certificate: Buffer): string {
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

export function verifierOf({ keys, certificate }: Signer): string {
  return certificate ? pemOf(certificate) : keys.pem;
}

function materialOf(
  { keys, certificate, log, at, timestamps }: Signer,
  { body, signature }: { body: object; signature: Buffer },
) {
  const entry = log && logged(log, body, at);
  const { inclusionPromise: _, ...unpromised } = entry ?? { inclusionPromise: undefined };
  return {
    ...certificate
      ? { certificate: { rawBytes: certificate.toString("base64") } }
      : { publicKey: { hint: hash(keys.spki).toString("base64") } },
    tlogEntries: entry === undefined ? [] : [timestamps ? { ...unpromised, integratedTime: "0" } as LogEntry : entry],
    ...timestamps && {
      timestampVerificationData: {
        rfc3161Timestamps: [{ signedTimestamp: timestamp(timestamps, { bytes: signature, at }).toString("base64") }],
      },
    },
  };
}

function preAuthEncoding(payloadType: string, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
    payload,
  ]);
}
