import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeCertificateAuthority } from "../../../../test/signing/certificate-authority.ts";
import { makeKeys } from "../../../../test/signing/keys.ts";
import type { Layer } from "../../../../test/signing/memory-registry.ts";
import { byKey, byUser1, issuer, ofKey } from "../../../../test/signing/requirements.ts";
import {
  imageSignedBy,
  pushSignatures,
  refusalOf,
  simpleSigningLayer,
  unsignedImage,
  verifySigned,
} from "../../../../test/signing/signed-image.ts";
import {
  cosignBundleOf,
  keylessSigner,
  makeSigstore,
  payloadAbout,
  pemOf,
  type Signer,
  signingTime,
  trustedRootOf,
  verifierOf,
} from "../../../../test/signing/sigstore.ts";
import { hashedRekord, logged, makeTransparencyLog } from "../../../../test/signing/transparency-log.ts";
import type { Requirements } from "./requirements.ts";

const sigstore = await makeSigstore();
const trustedRoot = trustedRootOf(sigstore);
const minutes = (count: number) => new Date(signingTime.getTime() + count * 60_000);

test("simple signing: a keyless signature in the log is one of whom its certificate names", async () => {
  const signed = imageSignedBy([await keylessSigner(sigstore)]);
  const { digest, signatures } = await verifySigned(signed, byUser1, trustedRoot);
  assert.is(digest, signed.image.digest);
  assert.equal(signatures[0]?.identity, { issuer, subject: { kind: "email", value: "user1@example.com" } });
});

for (const kind of ["P-256", "P-384", "ed25519", "rsa"] as const) {
  test(`simple signing: a signature by a key (${kind}) counts without a log`, async () => {
    const keys = makeKeys(kind);
    const signed = imageSignedBy([{ keys, at: signingTime }]);
    assert.is((await verifySigned(signed, byKey(keys.pem), trustedRoot)).digest, signed.image.digest);
    assert.match(await refusalOf(signed, byKey(makeKeys(kind).pem), trustedRoot), "missing signatures");
  });
}

test("simple signing: one broken signature does not hide the others", async () => {
  const signed = unsignedImage();
  const good = simpleSigningLayer(await keylessSigner(sigstore), payloadAbout(signed.image.digest));
  const broken = { ...good, content: Buffer.from("{"), annotations: {} };
  pushSignatures(signed, [broken, good, { ...good, annotations: { "dev.sigstore.cosign/bundle": "{" } }]);
  await verifySigned(signed, byUser1, trustedRoot);
});

test("simple signing: certificates without a promise count where the trust root has no log of certificates", async () => {
  const signed = imageSignedBy([await keylessSigner(sigstore, { promised: false })]);
  await verifySigned(signed, byUser1, trustedRootOf(sigstore, { ctLogs: false }));
});

/** Who signs what is not to be believed, and what is said of it. */
const signers: [string, () => Promise<Signer>, RegExp][] = [
  [
    "a certificate of a foreign authority",
    async () => await keylessSigner({ ...sigstore, authority: await makeCertificateAuthority() }),
    /certificate chain/,
  ],
  ["a certificate of a foreign authority of the same log of certificates", async () =>
    await keylessSigner({
      ...sigstore,
      authority: { ...await makeCertificateAuthority(), ctLog: sigstore.authority.ctLog },
    }), /certificate chain/],
  [
    "a log of another key",
    async () => await keylessSigner({ ...sigstore, log: makeTransparencyLog() }),
    /inclusion promise could not be verified/,
  ],
  [
    "a time in the log after the certificate ended",
    async () => await keylessSigner(sigstore, { at: minutes(11) }),
    /not valid or expired/,
  ],
  [
    "a time in the log before the certificate began",
    async () => await keylessSigner(sigstore, { at: minutes(-1) }),
    /not valid or expired/,
  ],
  [
    "a certificate that names nobody",
    async () => await keylessSigner(sigstore, { names: [] }),
    /does not name one email address or URI/,
  ],
  ["a certificate with two names", async () =>
    await keylessSigner(sigstore, {
      names: [{ type: "email", value: "user1@example.com" }, { type: "email", value: "user2@example.com" }],
    }), /does not name one email address or URI/],
  [
    "a certificate for servers",
    async () => await keylessSigner(sigstore, { usage: "serverAuth" }),
    /not for signing code/,
  ],
  [
    "a certificate whose key is not for signatures",
    async () => await keylessSigner(sigstore, { keyUsage: "keyEncipherment" }),
    /not for signatures/,
  ],
  [
    "a certificate that no log has promised to show",
    async () => await keylessSigner(sigstore, { promised: false }),
    /expected 1 SCTs, got 0/,
  ],
  [
    "a certificate with the promise of a foreign log",
    async () => await keylessSigner(sigstore, { promised: makeKeys() }),
    /SCT verification failed/,
  ],
  ["another key than the certificate's", async () => ({
    ...await keylessSigner(sigstore),
    keys: makeKeys(),
  }), /signature verification failed/],
  ["no entry in a log", async () => {
    const { keys, certificate, at } = await keylessSigner(sigstore);
    return { keys, certificate, at };
  }, /expected 1 timestamps, got 0/],
];
for (const [what, signer, reason] of signers) {
  test(`simple signing: refused with ${what}`, async () => {
    const refusal = await refusalOf(imageSignedBy([await signer()]), byUser1, trustedRoot);
    assert.match(refusal, /^no signatures found for image: registry\.test\/policy:v1 \n/);
    assert.match(refusal, reason);
  });
}

/** What happens to a good layer on its way, and what is said of it. */
const tampered: [string, (layer: Layer, signer: Signer) => Layer | Promise<Layer>, RegExp][] = [
  ["a payload changed in a byte that says nothing", (layer) => ({
    ...layer,
    content: Buffer.concat([layer.content, Buffer.from(" ")]),
  }), /digest mismatch/],
  ["a payload about another image", (layer) => ({
    ...layer,
    content: payloadAbout(`sha256:${"0".repeat(64)}`),
  }), /no signature of this image/],
  ["a payload of another type", (layer) => ({
    ...layer,
    content: Buffer.from(new TextDecoder().decode(layer.content).replace("cosign container", "atomic container")),
  }), /no signature of this image/],
  [
    "a payload that is no JSON",
    (layer) => ({ ...layer, content: layer.content.subarray(0, 40) }),
    /no signature of this/,
  ],
  [
    "a payload of a megabyte",
    (layer) => ({ ...layer, content: Buffer.alloc(1024 * 1024) }),
    /larger than 262144 bytes/,
  ],
  ["another signature", async (layer) => {
    const other = simpleSigningLayer(await keylessSigner(sigstore), layer.content);
    return withAnnotation(layer, "dev.cosignproject.cosign/signature", () => signatureOf(other));
  }, /signature mismatch/],
  ["no signature", (layer) => withAnnotation(layer, "dev.cosignproject.cosign/signature", () => ""), /cannot be read/],
  [
    "a signature that is no base64",
    (layer) => withAnnotation(layer, "dev.cosignproject.cosign/signature", () => "?"),
    /cannot be read/,
  ],
  [
    "a certificate that is none",
    (layer) => withAnnotation(layer, "dev.sigstore.cosign/certificate", () => "-----BEGIN CERTIFICATE-----\nAAAA\n"),
    /cannot be read/,
  ],
  ["another certificate of the same person", async (layer) => {
    const other = simpleSigningLayer(await keylessSigner(sigstore), layer.content);
    return withAnnotation(
      layer,
      "dev.sigstore.cosign/certificate",
      () => annotationOf(other, "dev.sigstore.cosign/certificate"),
    );
  }, /signature verification failed/],
  ["a certificate that names another person than it was issued for", async (layer, signer) => {
    const names = [{ type: "email", value: "user2@example.com" }] as const;
    const { certificate } = await keylessSigner(sigstore, { keys: signer.keys, names });
    const forged = certificate.toString("latin1").replace("user2@", "user1@");
    return withAnnotation(layer, "dev.sigstore.cosign/certificate", () => pemOf(Buffer.from(forged, "latin1")));
  }, /certificate chain/],
  ["another certificate for the same key, logged with the first", async (layer, signer) => {
    const other = await keylessSigner(sigstore, { keys: signer.keys });
    return withAnnotation(layer, "dev.sigstore.cosign/certificate", () => verifierOf(other));
  }, /another certificate/],
  [
    "the log's promise cut off",
    (layer) => withAnnotation(layer, "dev.sigstore.cosign/bundle", (text) => text.slice(0, -20)),
    /cannot be read/,
  ],
  [
    "the log's promise without its time",
    (layer) => withBundle(layer, ({ integratedTime: _, ...rest }) => rest),
    /cannot be read/,
  ],
  [
    "the log's promise with another time",
    (layer) => withBundle(layer, (payload) => ({ ...payload, integratedTime: Number(payload.integratedTime) + 1 })),
    /inclusion promise/,
  ],
  [
    "the log's promise for another index",
    (layer) => withBundle(layer, (payload) => ({ ...payload, logIndex: 2 })),
    /inclusion promise/,
  ],
  ["the log's promise of another body", (layer, signer) =>
    withBundle(layer, (payload) => ({
      ...payload,
      body: Buffer.from(JSON.stringify(bodyFor(signer, { signed: layer.content, signature: Buffer.from("another") })))
        .toString("base64"),
    })), /inclusion promise/],
  [
    "an entry about another signature",
    (layer, signer) => withEntry(layer, signer, { signed: layer.content, signature: Buffer.from("another") }),
    /signature mismatch/,
  ],
  ["an entry about another payload", (layer, signer) =>
    withEntry(layer, signer, {
      signed: Buffer.from("another"),
      signature: Buffer.from(signatureOf(layer), "base64"),
    }), /digest mismatch/],
  ["an entry of another kind", (layer, signer) => {
    const body = { ...bodyFor(signer, { signed: layer.content, signature: Buffer.from("s") }), kind: "rekord" };
    const text = JSON.stringify(cosignBundleOf(logged(sigstore.log, body, signer.at)));
    return withAnnotation(layer, "dev.sigstore.cosign/bundle", () => text);
  }, /unsupported kind/],
];
for (const [what, tamper, reason] of tampered) {
  test(`simple signing: refused with ${what}`, async () => {
    const signed = unsignedImage();
    const signer = await keylessSigner(sigstore);
    const good = simpleSigningLayer(signer, payloadAbout(signed.image.digest));
    pushSignatures(signed, [await tamper(good, signer)]);
    const refusal = await refusalOf(signed, byUser1, trustedRoot);
    assert.match(refusal, /^no signatures found for image/);
    assert.match(refusal, reason);
    pushSignatures(signed, [good]);
    await verifySigned(signed, byUser1, trustedRoot);
  });
}

test("simple signing: a signature by a key over another payload is none", async () => {
  const keys = makeKeys();
  const signed = unsignedImage();
  const layer = simpleSigningLayer({ keys, at: signingTime }, payloadAbout(signed.image.digest));
  const content = payloadAbout(signed.image.digest, { more: "than was signed" });
  pushSignatures(signed, [{ ...layer, content }]);
  assert.match(await refusalOf(signed, byKey(keys.pem), trustedRoot), "missing signatures");
});

test("simple signing: a signature made for one image does not count for another", async () => {
  const keys = makeKeys();
  const [one, other] = [unsignedImage("one"), unsignedImage("other")];
  pushSignatures(other, [simpleSigningLayer({ keys, at: signingTime }, payloadAbout(one.image.digest))]);
  assert.match(await refusalOf(other, byKey(keys.pem), trustedRoot), /^no signatures found for image/);
});

test("simple signing: optional values of the payload are annotations, as text", async () => {
  const keys = makeKeys();
  const signed = imageSignedBy([{ keys, at: signingTime }], {
    env: "prod",
    build: 7,
    tested: true,
    deep: { env: "x" },
  });
  const annotated = (annotations: Record<string, string>): Requirements => ({
    allOf: [ofKey(keys.pem, annotations)],
  });
  await verifySigned(signed, annotated({ env: "prod", build: "7", tested: "true" }), trustedRoot);
  const wrong: Record<string, string>[] = [{ env: "test" }, { env: "prod", other: "x" }, { deep: "x" }, {
    build: "7.0",
  }];
  for (const each of wrong) await refusalOf(signed, annotated(each), trustedRoot);
});

test("simple signing: a manifest of signatures that is none is as if there were no signatures", async () => {
  const signed = unsignedImage();
  signed.registry.pushManifest('{"layers": [', { tag: `${signed.image.digest.replace(":", "-")}.sig` });
  assert.match(await refusalOf(signed, byUser1, trustedRoot), /no manifest of an image/);
  signed.registry.pushManifest(" ".repeat(5 * 1024 * 1024), { tag: `${signed.image.digest.replace(":", "-")}.sig` });
  assert.match(await refusalOf(signed, byUser1, trustedRoot), /manifest is larger/);
});

test("simple signing: more signatures than anyone needs are not all looked at, and that is said", async () => {
  const signed = unsignedImage();
  const good = simpleSigningLayer(await keylessSigner(sigstore), payloadAbout(signed.image.digest));
  pushSignatures(signed, [...Array.from({ length: 256 }, () => ({ ...good, content: Buffer.from("{}") })), good]);
  await refusalOf(signed, byUser1, trustedRoot);
  assert.is(signed.registry.asked.filter((each) => each.startsWith("sha256:")).length, 256);
});

function annotationOf({ annotations }: Layer, name: string): string {
  return annotations?.[name] ?? "";
}

function signatureOf(layer: Layer): string {
  return annotationOf(layer, "dev.cosignproject.cosign/signature");
}

function withAnnotation(layer: Layer, name: string, change: (text: string) => string): Layer {
  return { ...layer, annotations: { ...layer.annotations, [name]: change(annotationOf(layer, name)) } };
}

/** Changes what the log's promise is about, and leaves the promise. */
function withBundle(layer: Layer, change: (payload: Record<string, unknown>) => unknown): Layer {
  return withAnnotation(layer, "dev.sigstore.cosign/bundle", (text) => {
    const bundle = JSON.parse(text);
    return JSON.stringify({ ...bundle, Payload: change(bundle.Payload) });
  });
}

function bodyFor(signer: Signer, { signed, signature }: { signed: Uint8Array; signature: Buffer }): object {
  return hashedRekord({ signed, signature, verifier: verifierOf(signer) });
}

/** The same layer with an entry that the log did make, about something else. */
function withEntry(layer: Layer, signer: Signer, about: { signed: Uint8Array; signature: Buffer }): Layer {
  const entry = logged(sigstore.log, bodyFor(signer, about), signer.at);
  return withAnnotation(layer, "dev.sigstore.cosign/bundle", () => JSON.stringify(cosignBundleOf(entry)));
}

test.run();
