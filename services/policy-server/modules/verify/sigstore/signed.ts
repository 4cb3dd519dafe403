import { type Bundle, bundleFromJSON } from "@sigstore/bundle";
import { dsse } from "@sigstore/core";
import { type SignedEntity, toSignedEntity } from "@sigstore/verify";
import { z } from "zod";
import { KubewardenError, messageOf } from "../../../../../contracts/errors.ts";
import { sha256Hex } from "../../../../../runtime/digest.ts";
import { objectIn } from "../simple-signing.ts";

/** A signature as it was read: nothing of it is verified yet. */
export type Signed = {
  entity: SignedEntity;
  /** The bytes that the signature is of. */
  bytes: Uint8Array;
  /** What an envelope holds; undefined if the signature is of the image's manifest itself. */
  envelope?: { payloadType: string; payload: Uint8Array };
};

/** No signer needs more, and each costs time to verify. */
const maxLogEntries = 16;

const base64 = z.base64();
/** What cosign keeps of Rekor's answer in the annotation `dev.sigstore.cosign/bundle` (3.5.3). */
const rekorBundle = z.object({
  SignedEntryTimestamp: base64,
  Payload: z.object({
    body: base64,
    integratedTime: z.int().positive(),
    logIndex: z.int().nonnegative(),
    logID: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});

export type SimpleSigning = {
  payload: Uint8Array;
  /** Base64. */
  signature: string;
  /** PEM; only the first certificate counts, the others come from the trust root. */
  certificate?: string | undefined;
  /** JSON. */
  rekorBundle?: string | undefined;
};

/** A layer of cosign's simple signing, as the Sigstore bundle it would be today. Throws VERIFICATION_FAILED. */
export function signedPayload({ payload, signature, certificate, rekorBundle }: SimpleSigning): Signed {
  return reading("signature", () => {
    const digest = Uint8Array.fromHex(sha256Hex(payload)).toBase64();
    const bundle = bundleFromJSON({
      mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
      verificationMaterial: {
        ...certificate === undefined
          ? { publicKey: { hint: "" } }
          : { x509CertificateChain: { certificates: [{ rawBytes: certificateIn(certificate) }] } },
        tlogEntries: rekorBundle === undefined ? [] : [logEntryIn(rekorBundle)],
      },
      messageSignature: { messageDigest: { algorithm: "SHA2_256", digest }, signature: base64.parse(signature) },
    });
    return { entity: toSignedEntity(bundle, Buffer.from(payload)), bytes: payload };
  });
}

/**
 * A Sigstore bundle (0.1 to 0.3): an envelope, or a signature of `manifest`, whose digest it must then name. Throws
 * VERIFICATION_FAILED.
 */
export function signedBundle(text: Uint8Array, manifest: Uint8Array): Signed {
  return reading("bundle", () => {
    const bundle = bundleFromJSON(objectIn(text));
    if (bundle.verificationMaterial.tlogEntries.length > maxLogEntries) throw new Error("too many log entries");
    const entity = toSignedEntity(bundle, Buffer.from(manifest));
    const { content } = bundle;
    if (content.$case === "messageSignature") {
      assertAbout(content.messageSignature, manifest);
      return { entity, bytes: manifest };
    }
    const { payload, payloadType } = content.dsseEnvelope;
    return { entity, bytes: dsse.preAuthEncoding(payloadType, payload), envelope: { payloadType, payload } };
  });
}

type MessageSignature = Extract<Bundle["content"], { $case: "messageSignature" }>["messageSignature"];

/** The log holds the digest that the bundle names, so it must be that of what is verified. */
function assertAbout({ messageDigest }: MessageSignature, manifest: Uint8Array): void {
  if (Uint8Array.from(messageDigest.digest).toHex() !== sha256Hex(manifest)) {
    throw new Error("it is of something else than this image's manifest");
  }
}

/** DER as base64. */
function certificateIn(pem: string): string {
  const lines = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(pem)?.[1];
  if (lines === undefined) throw new Error("the certificate is not PEM");
  return lines.replace(/\s+/g, "");
}

/** A log entry as bundles write it. */
function logEntryIn(text: string): unknown {
  const { SignedEntryTimestamp, Payload } = rekorBundle.parse(JSON.parse(text));
  const { kind, apiVersion } = objectIn(Uint8Array.fromBase64(Payload.body));
  return {
    logIndex: String(Payload.logIndex),
    logId: { keyId: Uint8Array.fromHex(Payload.logID).toBase64() },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
    canonicalizedBody: Payload.body,
  };
}

function reading(what: string, read: () => Signed): Signed {
  try {
    return read();
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause);
    throw new KubewardenError("VERIFICATION_FAILED", `the ${what} cannot be read: ${reason}`, { cause });
  }
}
