import "reflect-metadata";
import type { KeyObject } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  type KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { ecPrivateKeyPem, importPrivateKey } from "../services/certs/private-key.ts";
import type { CertifiedKey } from "../services/certs/secrets.ts";

type HandMade = {
  now: Date;
  /** How long it is valid; default ten years. */
  days?: number;
  name?: string;
  /** Of any kind; default a new pair on P-256. */
  keys?: { publicKey: KeyObject };
  privateKey?: string;
  /** Default: not said, so that it may sign. */
  usages?: KeyUsageFlags;
  /** Who signs; default itself. */
  issuer?: CertifiedKey;
};

/** A certificate authority as other tools make them: with any kind of key, of any length of life, of another authority. */
export async function handMadeAuthority(o: HandMade): Promise<CertifiedKey> {
  const { publicKey, privateKey } = o.keys && o.privateKey !== undefined
    ? { publicKey: o.keys.publicKey, privateKey: o.privateKey }
    : await newPair();
  const signer = await importPrivateKey(o.issuer?.privateKey ?? privateKey);
  const spki = publicKey instanceof CryptoKey
    ? new Uint8Array(await crypto.subtle.exportKey("spki", publicKey))
    : Uint8Array.from(publicKey.export({ type: "spki", format: "der" }));
  const subject = `CN=${o.name ?? "somebody else's"}`;
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: o.issuer ? new X509Certificate(o.issuer.certificate).subject : subject,
    notBefore: o.now,
    notAfter: new Date(o.now.getTime() + (o.days ?? 3650) * 86_400_000),
    publicKey: spki,
    signingKey: signer.key,
    signingAlgorithm: signer.algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      ...(o.usages === undefined ? [] : [new KeyUsagesExtension(o.usages, true)]),
      await SubjectKeyIdentifierExtension.create(spki),
      ...(o.issuer
        ? [await AuthorityKeyIdentifierExtension.create(new X509Certificate(o.issuer.certificate).publicKey)]
        : []),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, privateKey };
}

async function newPair(): Promise<{ publicKey: CryptoKey; privateKey: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  return { publicKey, privateKey: await ecPrivateKeyPem(privateKey) };
}
