import { hash, type Keys, makeKeys, signWith } from "./keys.ts";

/** A log as Rekor: promises to show entries, and proves that it does. */
export type TransparencyLog = { keys: Keys; name: string };

export function makeTransparencyLog(name = "rekor.test"): TransparencyLog {
  return { keys: makeKeys(), name };
}

/** What a log says of an entry, in the form of Sigstore bundles. */
export type LogEntry = {
  logIndex: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  integratedTime: string;
  inclusionPromise: { signedEntryTimestamp: string };
  inclusionProof?: {
    logIndex: string;
    rootHash: string;
    treeSize: string;
    hashes: string[];
    checkpoint: { envelope: string };
  };
  canonicalizedBody: string;
};

/** The body of an entry about a detached signature; `verifier` is a certificate or public key, as PEM. */
export function hashedRekord(o: { signed: Uint8Array; signature: Buffer; verifier: string }): object {
  return {
    apiVersion: "0.0.1",
    kind: "hashedrekord",
    spec: {
      data: { hash: { algorithm: "sha256", value: hash(o.signed).toString("hex") } },
      signature: {
        content: o.signature.toString("base64"),
        publicKey: { content: Buffer.from(o.verifier).toString("base64") },
      },
    },
  };
}

/** The body of an entry about an envelope. */
export function dsseRekord(o: { payload: Uint8Array; signature: Buffer; verifier: string }): object {
  return {
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      envelopeHash: { algorithm: "sha256", value: hash(o.signature).toString("hex") },
      payloadHash: { algorithm: "sha256", value: hash(o.payload).toString("hex") },
      signatures: [{
        signature: o.signature.toString("base64"),
        verifier: Buffer.from(o.verifier).toString("base64"),
      }],
    },
  };
}

/** The bodies of the second version of Rekor, whose entries have no time. */
export function newerRekord(
  o: { signature: Buffer; certificate: Buffer } & ({ signed: Uint8Array } | { payload: Uint8Array }),
) {
  const verifier = {
    keyDetails: "PKIX_ECDSA_P256_SHA_256",
    x509Certificate: { rawBytes: o.certificate.toString("base64") },
  };
  const content = o.signature.toString("base64");
  const digestOf = (bytes: Uint8Array) => ({ algorithm: "SHA2_256", digest: hash(bytes).toString("base64") });
  return "signed" in o
    ? {
      apiVersion: "0.0.2",
      kind: "hashedrekord",
      spec: { hashedRekordV002: { data: digestOf(o.signed), signature: { content, verifier } } },
    }
    : {
      apiVersion: "0.0.2",
      kind: "dsse",
      spec: { dsseV002: { payloadHash: digestOf(o.payload), signatures: [{ content, verifier }] } },
    };
}

/** Logs a body: the promise is signed over it and its time, the proof is that of the second of two entries. */
export function logged({ keys, name }: TransparencyLog, body: object, at: Date): LogEntry {
  const { kind, apiVersion } = body as { kind: string; apiVersion: string };
  const bytes = Buffer.from(JSON.stringify(body));
  const canonicalizedBody = bytes.toString("base64");
  const integratedTime = Math.floor(at.getTime() / 1000);
  const logID = hash(keys.spki);
  const promise = { body: canonicalizedBody, integratedTime, logID: logID.toString("hex"), logIndex: 1 };
  const neighbour = leaf(Buffer.from("another entry"));
  const root = hash(Buffer.from([1]), neighbour, leaf(bytes));
  const note = `${name} - 1\n2\n${root.toString("base64")}\n`;
  const noteSignature = Buffer.concat([logID.subarray(0, 4), signWith(keys, Buffer.from(note))]);
  return {
    logIndex: "1",
    logId: { keyId: logID.toString("base64") },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(integratedTime),
    inclusionPromise: {
      signedEntryTimestamp: signWith(keys, Buffer.from(JSON.stringify(promise))).toString("base64"),
    },
    inclusionProof: {
      logIndex: "1",
      rootHash: root.toString("base64"),
      treeSize: "2",
      hashes: [neighbour.toString("base64")],
      checkpoint: { envelope: `${note}\n\u2014 ${name} ${noteSignature.toString("base64")}\n` },
    },
    canonicalizedBody,
  };
}

function leaf(bytes: Uint8Array): Buffer {
  return hash(Buffer.from([0]), bytes);
}
