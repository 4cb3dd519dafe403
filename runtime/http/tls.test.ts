import "reflect-metadata";
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from "@peculiar/x509";
import { createPrivateKey } from "node:crypto";
import { connect, type ConnectionOptions } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { serve } from "./server.ts";
import type { TlsOptions } from "./tls.ts";
import { respond } from "./respond.ts";

const stop = new AbortController();
test.after(() => stop.abort());

type Keys = { keys: CryptoKeyPair; algorithm: EcdsaParams & EcKeyGenParams };
type Issuer = Keys & { name: string; pem: string };
const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

const root = await authority("root"), intermediate = await authority("intermediate", root);

async function authority(name: string, issuer?: Issuer): Promise<Issuer> {
  const keys = await crypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const extensions = [new BasicConstraintsExtension(true, undefined, true)];
  const certificate = issuer === undefined
    ? await X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: ecdsa,
      extensions,
    })
    : await X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: `CN=${issuer.name}`,
      publicKey: keys.publicKey,
      signingKey: issuer.keys.privateKey,
      signingAlgorithm: ecdsa,
      extensions,
    });
  return { keys, algorithm: ecdsa, name, pem: certificate.toString("pem") };
}

/** A certificate for localhost below the intermediate one, and its key as PKCS #8. */
async function leaf(algorithm: AlgorithmIdentifier & { hash?: string }): Promise<{ cert: string; key: string }> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
  const certificate = await X509CertificateGenerator.create({
    subject: "CN=localhost",
    issuer: "CN=intermediate",
    publicKey: keys.publicKey,
    signingKey: intermediate.keys.privateKey,
    signingAlgorithm: ecdsa,
    extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])],
  });
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    cert: `${certificate.toString("pem")}\n${intermediate.pem}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`,
  };
}

async function serverFor(tls: TlsOptions) {
  return await serve(() => respond(200, {}, ""), { host: "127.0.0.1", port: 0, signal: stop.signal, drainMs: 0, tls });
}

/** The protocol of a connection whose server was verified against the root alone. */
function protocolWith(port: number, options: ConnectionOptions = {}): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const trust = { ca: root.pem, servername: "localhost" };
    const socket = connect({ port, host: "127.0.0.1", ...trust, ...options }, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

const rsa = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: "SHA-256",
};
const forms: [string, AlgorithmIdentifier, "pkcs8" | "pkcs1" | "sec1"][] = [
  ["RSA", rsa, "pkcs8"],
  ["RSA", rsa, "pkcs1"],
  ["P-256", ecdsa, "pkcs8"],
  ["P-256", ecdsa, "sec1"],
  ["P-384", { ...ecdsa, namedCurve: "P-384" } as AlgorithmIdentifier, "pkcs8"],
  ["P-384", { ...ecdsa, namedCurve: "P-384" } as AlgorithmIdentifier, "sec1"],
  ["Ed25519", { name: "Ed25519" }, "pkcs8"],
];
for (const [name, algorithm, type] of forms) {
  test(`tls: serves a chain with a key of ${name} as ${type}`, async () => {
    const { cert, key } = await leaf(algorithm);
    // The types know each form for its own kind of key only.
    const pem = createPrivateKey(key).export({ type: type as "pkcs8", format: "pem" }) as string;
    const { port } = await serverFor({ cert, key: pem });
    assert.is(await protocolWith(port), "TLSv1.3");
  });
}

test("tls: without the intermediate certificate the client cannot verify, so it is presented above", async () => {
  const { cert, key } = await leaf(ecdsa);
  const { port } = await serverFor({ cert: cert.slice(0, cert.indexOf("-----END CERTIFICATE-----") + 25), key });
  assert.is(await protocolWith(port).catch(() => "refused"), "refused");
});

test("tls: 1.2 and 1.3 are spoken, nothing older", async () => {
  const { port } = await serverFor(await leaf(ecdsa));
  assert.is(await protocolWith(port, { maxVersion: "TLSv1.2" }), "TLSv1.2");
  assert.is(await protocolWith(port, { minVersion: "TLSv1.3" }), "TLSv1.3");
  const old = protocolWith(port, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" });
  assert.is(await old.catch(() => "refused"), "refused");
});

test("tls: what cannot serve is refused at once", async () => {
  const one = await leaf(ecdsa), other = await leaf(ecdsa);
  const unusable: TlsOptions[] = [
    { cert: one.cert, key: other.key },
    { cert: "", key: one.key },
    { cert: one.cert, key: "" },
    { ...one, clientCa: "" },
    { ...one, clientCa: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
  ];
  for (const tls of unusable) {
    const outcome = await serverFor(tls).then(() => "served", () => "refused");
    assert.is(outcome, "refused");
  }
});

test.run();
