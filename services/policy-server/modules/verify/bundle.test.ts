import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeCertificateAuthority } from "../../../../test/signing/certificate-authority.ts";
import { makeKeys } from "../../../../test/signing/keys.ts";
import { byKey, byUser1, ofKey, user1 } from "../../../../test/signing/requirements.ts";
import {
  type Bundle,
  bundleType,
  envelopeOf,
  imageSignedBy,
  manifestSignatureOf,
  pushBundle,
  refusalOf,
  unsignedImage,
  verifySigned,
} from "../../../../test/signing/signed-image.ts";
import {
  envelopeBundle,
  keylessSigner,
  makeSigstore,
  type Signer,
  signingTime,
  statementAbout,
  trustedRootOf,
} from "../../../../test/signing/sigstore.ts";
import { makeTransparencyLog } from "../../../../test/signing/transparency-log.ts";
import type { Requirements } from "./requirements.ts";

const sigstore = await makeSigstore();
const trustedRoot = trustedRootOf(sigstore);
const otherDigest = `sha256:${"0".repeat(64)}`;

/** The bundles that there are of an image. */
const forms = [["an envelope", envelopeOf], ["a signature of the manifest", manifestSignatureOf]] as const;
for (const [form, bundle] of forms) {
  test(`bundle: ${form} by a certificate is one of whom it names`, async () => {
    const signed = unsignedImage();
    pushBundle(signed, bundle(await keylessSigner(sigstore), signed));
    const { digest, signatures } = await verifySigned(signed, byUser1, trustedRoot);
    assert.is(digest, signed.image.digest);
    assert.is(signatures[0]?.identity?.subject.value, "user1@example.com");
  });

  for (const kind of ["P-256", "P-384", "ed25519", "rsa"] as const) {
    test(`bundle: ${form} by a key (${kind}) counts with or without an entry in a log`, async () => {
      const keys = makeKeys(kind);
      for (const log of [undefined, sigstore.log]) {
        const signed = unsignedImage();
        pushBundle(signed, bundle({ keys, at: signingTime, ...log && { log } }, signed));
        await verifySigned(signed, byKey(keys.pem), trustedRoot);
        assert.match(await refusalOf(signed, byKey(makeKeys(kind).pem), trustedRoot), "missing signatures");
      }
    });
  }

  /** What is wrong with a bundle that is otherwise good. */
  const tampered: [string, (bundle: Bundle, signer: Signer) => unknown, RegExp][] = [
    ["another certificate of the same person", async (bundle) => {
      const { certificate } = await keylessSigner(sigstore);
      return withMaterial(bundle, { certificate: { rawBytes: certificate.toString("base64") } });
    }, /another certificate|signature verification failed/],
    ["no entry in a log", (bundle) => withMaterial(bundle, { tlogEntries: [] }), /expected 1 timestamps, got 0/],
    [
      "an entry without proof",
      (bundle) => withEntry(bundle, ({ inclusionProof: _, ...rest }) => rest),
      /cannot be read/,
    ],
    [
      "an entry without promise, so without a time",
      (bundle) => withEntry(bundle, ({ inclusionPromise: _, ...rest }) => rest),
      /expected 1 timestamps, got 0/,
    ],
    [
      "an entry with another time",
      (bundle) =>
        withEntry(bundle, (entry) => ({ ...entry, integratedTime: String(Number(entry.integratedTime) + 1) })),
      /promise/,
    ],
    ["a proof with another neighbour", (bundle) =>
      withEntry(bundle, (entry) => ({
        ...entry,
        inclusionProof: { ...entry.inclusionProof, hashes: [Buffer.alloc(32).toString("base64")] },
      })), /root hash/],
    ["a checkpoint that the log has not signed", (bundle) =>
      withEntry(bundle, (entry) => ({
        ...entry,
        inclusionProof: {
          ...entry.inclusionProof,
          checkpoint: { envelope: entry.inclusionProof?.checkpoint.envelope.replace("\n2\n", "\n3\n") },
        },
      })), /checkpoint/],
    ["the same entry twice", (bundle) => {
      const { tlogEntries } = bundle.verificationMaterial;
      return withMaterial(bundle, { tlogEntries: [...tlogEntries, ...tlogEntries] });
    }, /duplicate/],
    ["a hundred entries", (bundle) => {
      const [entry] = bundle.verificationMaterial.tlogEntries;
      return withMaterial(bundle, { tlogEntries: Array.from({ length: 100 }, () => entry) });
    }, /too many log entries/],
    ["text that ends too early", (bundle) => JSON.stringify(bundle).slice(0, -30), /cannot be read/],
    ["two megabytes", (bundle) => JSON.stringify(bundle) + " ".repeat(2 * 1024 * 1024), /larger than 1048576 bytes/],
    ["a version that nobody knows", (bundle) => ({ ...bundle, mediaType: "application/x" }), /cannot be read/],
    [
      "no signature",
      (bundle) =>
        "dsseEnvelope" in bundle
          ? { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, signatures: [] } }
          : { ...bundle, messageSignature: { ...bundle.messageSignature, signature: "" } },
      /cannot be read/,
    ],
    [
      "a certificate that is none",
      (bundle) => withMaterial(bundle, { certificate: { rawBytes: Buffer.from("none").toString("base64") } }),
      /cannot be read/,
    ],
  ];
  for (const [what, tamper, reason] of tampered) {
    test(`bundle: ${form} is refused with ${what}`, async () => {
      const signed = unsignedImage();
      const signer = await keylessSigner(sigstore);
      pushBundle(signed, await tamper(bundle(signer, signed), signer));
      const refusal = await refusalOf(signed, byUser1, trustedRoot);
      assert.match(
        refusal,
        /^no signatures found for image: registry\.test\/policy:v1 \nSignatures that do not count:\n- /,
      );
      assert.match(refusal, reason);
    });
  }

  const signers: [string, () => Promise<Signer>, RegExp][] = [
    [
      "a foreign authority",
      async () => await keylessSigner({ ...sigstore, authority: await makeCertificateAuthority() }),
      /certificate chain/,
    ],
    [
      "a foreign log",
      async () => await keylessSigner({ ...sigstore, log: makeTransparencyLog() }),
      /promise could not be verified/,
    ],
    [
      "a certificate that had ended",
      async () => await keylessSigner(sigstore, { at: new Date(signingTime.getTime() + 3_600_000) }),
      /not valid or expired/,
    ],
    [
      "a certificate for servers",
      async () => await keylessSigner(sigstore, { usage: "serverAuth" }),
      /not for signing code/,
    ],
    ["another key than the certificate's", async () => ({
      ...await keylessSigner(sigstore),
      keys: makeKeys(),
    }), /signature verification failed/],
  ];
  for (const [what, signer, reason] of signers) {
    test(`bundle: ${form} is refused with ${what}`, async () => {
      const signed = unsignedImage();
      pushBundle(signed, bundle(await signer(), signed));
      assert.match(await refusalOf(signed, byUser1, trustedRoot), reason);
    });
  }
}

test("bundle: an envelope with a changed statement is refused, for certificates and for keys", async () => {
  const signed = unsignedImage();
  const keys = makeKeys();
  const signer = await keylessSigner(sigstore, { keys });
  const bundle = envelopeBundle(signer, statementAbout(otherDigest));
  const payload = Buffer.from(JSON.stringify(statementAbout(signed.image.digest))).toString("base64");
  pushBundle(signed, { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload } });
  assert.match(await refusalOf(signed, byUser1, trustedRoot), /payload hash mismatch/);
  await refusalOf(signed, byKey(keys.pem), trustedRoot);
});

const statements: [string, (digest: string) => object][] = [
  ["about another image", () => statementAbout(otherDigest)],
  [
    "of another type than a signature",
    (digest) => statementAbout(digest, { predicateType: "https://slsa.dev/provenance/v1" }),
  ],
  ["of no known format", (digest) => ({ ...statementAbout(digest), _type: "https://example.com/Statement" })],
  ["without a subject", (digest) => ({ ...statementAbout(digest), subject: [] })],
];
for (const [what, statement] of statements) {
  test(`bundle: a statement ${what} is no signature of the image`, async () => {
    const signed = unsignedImage();
    pushBundle(signed, envelopeBundle(await keylessSigner(sigstore), statement(signed.image.digest)));
    assert.match(await refusalOf(signed, byUser1, trustedRoot), /it is no signature of this image/);
  });
}

test("bundle: an envelope of another type of payload is no signature", async () => {
  const signed = unsignedImage();
  const statement = statementAbout(signed.image.digest);
  pushBundle(signed, envelopeBundle(await keylessSigner(sigstore), statement, "application/json"));
  assert.match(await refusalOf(signed, byUser1, trustedRoot), /it is no signature of this image/);
});

test("bundle: a signature of another manifest is refused, also if it claims this one's digest", async () => {
  const [signed, other] = [unsignedImage(), unsignedImage("other")];
  const bundle = manifestSignatureOf(await keylessSigner(sigstore), other);
  pushBundle(signed, bundle);
  assert.match(await refusalOf(signed, byUser1, trustedRoot), /something else than this image's manifest/);
  const digest = Buffer.from(signed.image.digest.slice("sha256:".length), "hex").toString("base64");
  const claiming = unsignedImage();
  const messageDigest = { algorithm: "SHA2_256", digest };
  pushBundle(claiming, { ...bundle, messageSignature: { ...bundle.messageSignature, messageDigest } });
  assert.match(await refusalOf(claiming, byUser1, trustedRoot), /digest mismatch/);
});

test("bundle: annotations are those of the statement's subject", async () => {
  const signed = unsignedImage();
  const statement = statementAbout(signed.image.digest, { annotations: { env: "prod", build: 7 } });
  pushBundle(signed, envelopeBundle(await keylessSigner(sigstore), statement));
  const annotated = (annotations: Record<string, string>): Requirements => ({ allOf: [{ ...user1, annotations }] });
  await verifySigned(signed, annotated({ env: "prod", build: "7" }), trustedRoot);
  await refusalOf(signed, annotated({ env: "prod", build: "8" }), trustedRoot);
});

test("bundle: the older versions are read too", async () => {
  for (const version of ["0.1", "0.2"]) {
    const signed = unsignedImage();
    const bundle = envelopeOf(await keylessSigner(sigstore), signed);
    const mediaType = `application/vnd.dev.sigstore.bundle+json;version=${version}`;
    pushBundle(signed, { ...bundle, mediaType }, mediaType);
    await verifySigned(signed, byUser1, trustedRoot);
  }
});

test("bundle: one in the tag and one that refers to the image count together", async () => {
  const keys = makeKeys();
  const signed = imageSignedBy([{ keys, at: signingTime }]);
  pushBundle(signed, envelopeOf(await keylessSigner(sigstore), signed));
  const both = { allOf: [ofKey(keys.pem), user1] };
  assert.is((await verifySigned(signed, both, trustedRoot)).signatures.length, 2);
});

test("bundle: what refers to the image and is something else is not looked at", async () => {
  const signed = unsignedImage();
  pushBundle(signed, "an SBOM", "application/spdx+json");
  assert.is(await refusalOf(signed, byUser1, trustedRoot), "no signatures found for image: registry.test/policy:v1 ");
  const asked = signed.registry.asked.slice(-1);
  assert.equal(asked, [`referrers of ${signed.image.digest}`]);
  pushBundle(signed, envelopeOf(await keylessSigner(sigstore), signed), bundleType);
  await verifySigned(signed, byUser1, trustedRoot);
});

type Material = Bundle["verificationMaterial"];

function withMaterial(bundle: Bundle, change: Record<string, unknown>): unknown {
  return { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, ...change } };
}

function withEntry(bundle: Bundle, change: (entry: Material["tlogEntries"][number]) => unknown): unknown {
  return withMaterial(bundle, { tlogEntries: bundle.verificationMaterial.tlogEntries.map(change) });
}

test.run();
