import { test } from "uvu";
import * as assert from "uvu/assert";
import { byUser1 } from "../../../../test/signing/requirements.ts";
import {
  envelopeOf,
  manifestSignatureOf,
  pushBundle,
  refusalOf,
  unsignedImage,
  verifySigned,
} from "../../../../test/signing/signed-image.ts";
import {
  keylessSigner,
  makeSigstore,
  type Signer,
  signingTime,
  trustedRootOf,
} from "../../../../test/signing/sigstore.ts";
import { makeTimestampAuthority } from "../../../../test/signing/timestamp-authority.ts";

/** The newer form of Sigstore: entries of the log have no time, a timestamp authority says it. */
const sigstore = { ...await makeSigstore(), timestamps: await makeTimestampAuthority() };
const trustedRoot = trustedRootOf(sigstore);

const forms = [["an envelope", envelopeOf], ["a signature of the manifest", manifestSignatureOf]] as const;
for (const [form, bundle] of forms) {
  test(`timestamp: ${form} with the time of an authority counts`, async () => {
    const signed = unsignedImage();
    pushBundle(signed, bundle(await keylessSigner(sigstore), signed));
    assert.is((await verifySigned(signed, byUser1, trustedRoot)).digest, signed.image.digest);
  });

  const wrong: [string, () => Promise<Signer>, RegExp][] = [
    [
      "a time when the certificate had ended",
      async () => await keylessSigner(sigstore, { at: new Date(signingTime.getTime() + 3_600_000) }),
      /not valid or expired/,
    ],
    [
      "the time of a foreign authority",
      async () => await keylessSigner({ ...sigstore, timestamps: await makeTimestampAuthority() }),
      /timestamp could not be verified/,
    ],
  ];
  for (const [what, signer, reason] of wrong) {
    test(`timestamp: ${form} is refused with ${what}`, async () => {
      const signed = unsignedImage();
      pushBundle(signed, bundle(await signer(), signed));
      assert.match(await refusalOf(signed, byUser1, trustedRoot), reason);
    });
  }

  test(`timestamp: ${form} is refused with the time of another signature, or of none`, async () => {
    const [signed, other] = [unsignedImage(), unsignedImage("other")];
    const signer = await keylessSigner(sigstore);
    const [good, elsewhere] = [bundle(signer, signed), bundle(signer, other)];
    const { timestampVerificationData, ...untimed } = elsewhere.verificationMaterial;
    const changed = { ...good.verificationMaterial, timestampVerificationData };
    pushBundle(signed, { ...good, verificationMaterial: changed });
    assert.match(await refusalOf(signed, byUser1, trustedRoot), /timestamp could not be verified/);
    pushBundle(other, { ...elsewhere, verificationMaterial: untimed });
    assert.match(await refusalOf(other, byUser1, trustedRoot), /expected 1 timestamps, got 0/);
  });

  test(`timestamp: ${form} is refused with another certificate than the log's`, async () => {
    const signed = unsignedImage();
    const signer = await keylessSigner(sigstore);
    const { certificate } = await keylessSigner(sigstore, { keys: signer.keys });
    const good = bundle(signer, signed);
    const verificationMaterial = {
      ...good.verificationMaterial,
      certificate: { rawBytes: certificate.toString("base64") },
    };
    pushBundle(signed, { ...good, verificationMaterial });
    assert.match(await refusalOf(signed, byUser1, trustedRoot), /another certificate/);
  });
}

test.run();
