import "reflect-metadata";
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { rootCertificates } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isCertificateTrusted } from "./crypto.ts";
import type { CertificateTrust } from "./questions.ts";

type Algorithm = RsaHashedKeyGenParams | EcKeyGenParams | { name: "Ed25519" };
const p256: Algorithm = { name: "ECDSA", namedCurve: "P-256" };
const p384: Algorithm = { name: "ECDSA", namedCurve: "P-384" };
const rsa = (hash: string, modulusLength = 2048): Algorithm => ({
  name: "RSASSA-PKCS1-v1_5",
  hash,
  modulusLength,
  publicExponent: Uint8Array.of(1, 0, 1),
});

type Issued = { certificate: X509Certificate; keys: CryptoKeyPair; algorithm: Algorithm };
type Wanted = {
  name: string;
  by?: Issued;
  algorithm?: Algorithm;
  ca?: boolean;
  pathLength?: number;
  usages?: number;
  extensions?: Extension[];
  from?: string;
  until?: string;
};

/** Signs with the hash that suits the key. */
function signing(algorithm: Algorithm) {
  if (algorithm.name === "ECDSA") {
    return { name: "ECDSA", hash: (algorithm as EcKeyGenParams).namedCurve === "P-384" ? "SHA-384" : "SHA-256" };
  }
  return algorithm as { name: string };
}

async function issue(wanted: Wanted): Promise<Issued> {
  const { name, by, algorithm = p256, ca = false, pathLength, usages, extensions = [], from, until } = wanted;
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
  const signer = by ?? { keys, algorithm };
  const certificate = await X509CertificateGenerator.create({
    serialNumber: "01",
    subject: `CN=${name}`,
    issuer: by?.certificate.subject ?? `CN=${name}`,
    notBefore: new Date(from ?? "2020-01-01T00:00:00Z"),
    notAfter: new Date(until ?? "2040-01-01T00:00:00Z"),
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    signingAlgorithm: signing(signer.algorithm) as EcdsaParams,
    extensions: [
      ...(ca ? [new BasicConstraintsExtension(true, pathLength, true)] : []),
      ...(usages === undefined ? [] : [new KeyUsagesExtension(usages, true)]),
      ...extensions,
    ],
  });
  return { certificate, keys, algorithm };
}

const der = ({ certificate }: Issued): CertificateTrust["cert"] => ({
  encoding: "Der",
  data: [...new Uint8Array(certificate.rawData)],
});
const pemBytes = (text: string): CertificateTrust["cert"] => ({
  encoding: "Pem",
  data: [...new TextEncoder().encode(text)],
});
const pem = ({ certificate }: Issued) => pemBytes(certificate.toString("pem"));

async function ask(cert: Issued | CertificateTrust["cert"], chain: Issued[] | null, not_after: string | null = null) {
  const request = {
    cert: "encoding" in cert ? cert : der(cert),
    cert_chain: chain && chain.map(der),
    not_after,
  };
  const { trusted, reason } = JSON.parse(new TextDecoder().decode(await isCertificateTrusted(request)));
  assert.is(trusted, reason === "");
  return reason;
}
const failure = (...question: Parameters<typeof ask>) => ask(...question).then(String, (error) => error.message);

const expired = "Certificate is being used after its expiration date";
const early = "Certificate is being used before its validity date";
const unknown = "Certificate is not trusted by the provided cert chain";
const past = { from: "2001-01-01T00:00:00Z", until: "2002-01-01T00:00:00Z" };
const future = { from: "2050-01-01T00:00:00Z", until: "2051-01-01T00:00:00Z" };

const root = await issue({ name: "root", ca: true });
const middle = await issue({ name: "middle", by: root, ca: true, usages: KeyUsageFlags.keyCertSign });
const oldRoot = await issue({ name: "old root", ca: true, ...past });
const leaf = await issue({ name: "leaf", by: root });
const deep = await issue({ name: "deep", by: middle });

test("AT-076: a certificate is trusted by its root, directly and by way of an intermediate, in PEM and in DER", async () => {
  assert.is(await ask(leaf, [root]), "");
  assert.is(await ask(pem(leaf), [root]), "");
  assert.is(await ask(deep, [middle, root]), "");
  assert.is(await ask(pem(deep), [middle, root]), "");
});

test("AT-077: before and after its time a certificate is not trusted, with or without an intermediate", async () => {
  for (const [by, chain] of [[root, [root]], [middle, [middle, root]]] as [Issued, Issued[]][]) {
    assert.is(await ask(await issue({ name: "late", by, ...past }), chain), expired);
    assert.is(await ask(await issue({ name: "early", by, ...future }), chain), early);
  }
});

test("AT-078: a certificate of another authority is not trusted by a chain, nor without one by the public roots", async () => {
  const other = await issue({ name: "other", ca: true });
  assert.is(await ask(leaf, [other]), unknown);
  assert.is(await ask(leaf, []), unknown);
  assert.is(await ask(leaf, null), unknown);
});

test("AT-079: a time that is none is an error", async () => {
  for (
    const text of ["malformed", "2021-10-01", "2021-13-01T00:00:00Z", "2021-06-31T00:00:00Z", "2021-10-01T00:00:00"]
  ) {
    assert.is(await failure(leaf, [root], text), "Timestamp not_after is not in RFC3339 format", text);
  }
});

test("AT-080: an expired root still is an anchor, an expired intermediate or certificate is not trusted", async () => {
  const now = new Date().toISOString();
  const underOld = await issue({ name: "middle", by: oldRoot, ca: true });
  assert.is(await ask(await issue({ name: "leaf", by: oldRoot }), [oldRoot], now), "");
  assert.is(await ask(await issue({ name: "leaf", by: underOld }), [underOld, oldRoot], now), "");
  const lateMiddle = await issue({ name: "late", by: root, ca: true, ...past });
  assert.is(await ask(await issue({ name: "leaf", by: lateMiddle }), [lateMiddle, root], now), expired);
  assert.is(await ask(await issue({ name: "late", by: middle, ...past }), [middle, root], now), expired);
});

test("trust: is looked at as of the time given, in any zone, with leap seconds and fractions; empty is now", async () => {
  const brief = await issue({ name: "brief", by: root, from: "2021-01-01T00:00:00Z", until: "2021-12-31T23:59:59Z" });
  for (
    const text of ["2021-12-31T23:59:60Z", "2022-01-01T01:59:59.123456789+02:00", "2021-06-30T00:00:00z"]
  ) assert.is(await ask(brief, [root], text), "", text);
  assert.is(await ask(brief, [root], "2022-01-01T00:00:01Z"), expired);
  assert.is(await ask(brief, [root], "2020-12-31T23:59:59Z"), early);
  assert.is(await ask(brief, [root], ""), expired);
  assert.is(await ask(leaf, [root], ""), "");
});

const algorithms: [string, Algorithm][] = [
  ["P-256", p256],
  ["P-384", p384],
  ["Ed25519", { name: "Ed25519" }],
  ["RSA with SHA-256", rsa("SHA-256")],
  ["RSA with SHA-384", rsa("SHA-384", 3072)],
  ["RSA with SHA-512", rsa("SHA-512")],
];
for (const [name, algorithm] of algorithms) {
  test(`trust: signatures of ${name} count, those of another key of the same name do not`, async () => {
    const [signer, impostor] = await Promise.all([
      issue({ name: "authority", algorithm, ca: true }),
      issue({ name: "authority", algorithm, ca: true }),
    ]);
    const certificate = await issue({ name: "leaf", by: signer, algorithm });
    assert.is(await ask(certificate, [signer]), "");
    assert.is(
      await ask(certificate, [impostor]),
      "Certificate not trusted: a signature does not match its issuer's key",
    );
    // The right one among several of the name is found.
    const same = await issue({ name: "authority", by: root, algorithm, ca: true });
    const below = await issue({ name: "leaf", by: same, algorithm });
    const decoy = await issue({ name: "authority", by: root, algorithm, ca: true });
    assert.is(await ask(below, [decoy, same, root]), "");
  });
}

test("trust: weak keys and digests do not count", async () => {
  const weakKey = await issue({ name: "weak", algorithm: rsa("SHA-256", 1024), ca: true });
  assert.match(
    await ask(await issue({ name: "leaf", by: weakKey }), [weakKey]),
    /not trusted: .*1024 bits is too weak/,
  );
  const sha1 = await issue({ name: "sha1", algorithm: rsa("SHA-1"), ca: true });
  assert.match(
    await ask(await issue({ name: "leaf", by: sha1 }), [sha1]),
    /not trusted: SHA-1 signatures are too weak/,
  );
});

test("trust: only authorities sign, no more of them than one allows, and an authority is no end entity", async () => {
  const byLeaf = await issue({ name: "below", by: leaf });
  assert.match(await ask(byLeaf, [leaf, root]), /not trusted: an end-entity certificate cannot sign others/);
  const noSigner = await issue({ name: "no signer", by: root, ca: true, usages: KeyUsageFlags.cRLSign });
  assert.match(await ask(await issue({ name: "leaf", by: noSigner }), [noSigner, root]), /cannot sign others/);
  const last = await issue({ name: "last", by: root, ca: true, pathLength: 0 });
  const tooLow = await issue({ name: "too low", by: last, ca: true });
  assert.is(await ask(await issue({ name: "leaf", by: last }), [last, root]), "");
  assert.match(await ask(await issue({ name: "leaf", by: tooLow }), [tooLow, last, root]), /more intermediates than/);
  assert.match(await ask(middle, [root]), /a CA certificate cannot be an end-entity certificate/);
});

test("trust: a rule that we cannot keep is kept by not trusting", async () => {
  const strange = new Extension("1.2.3.4", true, Uint8Array.of(5, 0));
  const constrained = new Extension("2.5.29.30", false, Uint8Array.of(0x30, 0));
  assert.match(
    await ask(await issue({ name: "l", by: root, extensions: [strange] }), [root]),
    /critical extension 1\.2\.3\.4/,
  );
  const authority = await issue({ name: "a", ca: true, extensions: [constrained] });
  assert.match(await ask(await issue({ name: "l", by: authority }), [authority]), /name constraints are not supported/);
  const harmless = new Extension("1.2.3.4", false, Uint8Array.of(5, 0));
  assert.is(await ask(await issue({ name: "l", by: root, extensions: [harmless] }), [root]), "");
});

test("trust: loops and crowds of authorities of one name end", async () => {
  const one = await issue({ name: "loop", ca: true });
  const two = await issue({ name: "loop", by: one, ca: true });
  assert.match(await ask(await issue({ name: "l", by: two }), [one, two, leaf]), /^Certificate/);
  const crowd = await Promise.all(Array.from({ length: 15 }, () => issue({ name: "loop", by: one, ca: true })));
  assert.match(await ask(await issue({ name: "l", by: two }), [...crowd, leaf]), /^Certificate/);
});

test("trust: what cannot be read is an error that says which part", async () => {
  const damaged = { encoding: "Der" as const, data: [0x30, 3, 1] };
  assert.match(await failure(pemBytes("no PEM"), [root]), /^Certificate PEM data is not valid: /);
  assert.match(
    await failure(pemBytes(PemConverter.encode(Uint8Array.of(1), "PRIVATE KEY")), [root]),
    /PEM data is not valid/,
  );
  assert.match(await failure(damaged, [root]), /^Certificate is not a valid end-entity certificate: /);
  assert.match(await failure({ encoding: "Der", data: [] }, [root]), /^Certificate is not a valid end-entity/);
  assert.match(await failure(leaf, Array(17).fill(root)), /chain of 17 certificates is too long/);
  assert.match(await failure({ encoding: "Der", data: Array(200_000).fill(48) }, null), /bytes are too many/);
  const request = { cert: der(leaf), cert_chain: [damaged], not_after: null };
  assert.match(
    new TextDecoder().decode(await isCertificateTrusted(request)),
    /"trusted":false,"reason":"Certificate not trusted: /,
  );
  const pemRequest = { cert: der(leaf), cert_chain: [pemBytes("no")], not_after: null };
  assert.match(await isCertificateTrusted(pemRequest).catch((error) => error.message), /PEM data is not valid/);
});

test("trust: without a chain the public roots are asked for the issuer's name and key", async () => {
  // It claims to be of a public authority, by a key that is not its.
  const [claimed = ""] = rootCertificates;
  const forged = await issue({ name: "forged", by: { ...root, certificate: new X509Certificate(claimed) } });
  assert.match(await ask(forged, null), /^Certificate not trusted: /);
});

test.run();
