import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../contracts/errors.ts";
import { silentLog } from "../../../runtime/telemetry/log.ts";
import {
  type CertificateAuthority,
  type CertificateOptions,
  issueCertificate,
  makeCertificateAuthority,
} from "../../../test/signing/certificate-authority.ts";
import { makeKeys } from "../../../test/signing/keys.ts";
import {
  envelopeOf,
  imageSignedBy,
  pushBundle,
  type SignedImage,
  unsignedImage,
} from "../../../test/signing/signed-image.ts";
import {
  envelopeBundle,
  makeSigstore,
  pemOf,
  type Signer,
  signingTime,
  statementAbout,
  trustedRootOf,
} from "../../../test/signing/sigstore.ts";
import { makeTimestampAuthority } from "../../../test/signing/timestamp-authority.ts";
import { makeTransparencyLog } from "../../../test/signing/transparency-log.ts";
import type { RegistryReader } from "../modules/registry-reader.ts";
import { type Trust, trustFrom } from "../modules/verify/sigstore/trusted-root.ts";
import { trustHost } from "./image-trust.ts";
import { parseQuestion, type Verification } from "./questions.ts";
import { sigstoreTrust } from "./sigstore-trust.ts";

/** A company's own authorities: nobody in Sigstore's trust root knows them. */
const root = await makeCertificateAuthority("root.test");
const middle = await makeCertificateAuthority("middle.test", { by: root });
const stranger = await makeCertificateAuthority("root.test");
const sigstore = await makeSigstore();
const trusted = trustFrom(trustedRootOf(sigstore));
const keys = makeKeys(), otherKeys = makeKeys();
const [before, after] = [new Date("2025-12-01"), new Date("2026-02-01")];

async function issue(options: Partial<CertificateOptions> & { by?: CertificateAuthority } = {}): Promise<Signer> {
  const { by = middle, ...rest } = options;
  const wanted = { keys, notBefore: before, notAfter: after, promised: false, ...rest };
  return { keys: wanted.keys, certificate: await issueCertificate(by, wanted), at: signingTime };
}
const signer = await issue();
const logged = { ...signer, log: sigstore.log };

const bytes = (text: string) => [...new TextEncoder().encode(text)];
const pem = ({ certificate = Buffer.of() }: Signer) => bytes(pemOf(certificate));
const chainOf = (...authorities: CertificateAuthority[]) =>
  authorities.map(({ certificate }) => bytes(certificate.toString("pem")));
const wholeChain = chainOf(middle, root);

type Asking = {
  signed?: SignedImage;
  registry?: RegistryReader;
  trustRoot?: () => Promise<Trust>;
  signal?: AbortSignal;
  now?: Date;
};
const image = imageSignedBy([logged], { env: "prod" });
const unlogged = imageSignedBy([signer], { env: "prod" });
const digestIn = ({ image }: SignedImage) => `{"is_trusted":true,"digest":"${image.digest}"}`;

/** What a guest reads when it asks about an image and a certificate. */
async function ask(payload: Record<string, unknown> = {}, asking: Asking = {}): Promise<string> {
  const { signed = image, trustRoot = () => Promise.resolve(trusted), now = signingTime } = asking;
  const { registry: host, repository, reference } = signed.registry.image;
  const question = {
    type: "SigstoreCertificateVerify",
    image: `${host}/${repository}:${reference}`,
    certificate: pem(signer),
    certificate_chain: wholeChain,
    require_rekor_bundle: true,
    ...payload,
  };
  const registry = asking.registry ?? signed.registry;
  const trust = sigstoreTrust({ readerFor: () => registry, trustRoot, log: silentLog, now: () => now });
  const parsed = parseQuestion("oci/v2/verify", new TextEncoder().encode(JSON.stringify(question))) as Verification;
  return await trustHost(trust)(parsed, asking.signal ?? new AbortController().signal)
    .then((answer) => new TextDecoder().decode(answer), (error) => error.message);
}

test("certificate trust: a logged signature by the certificate is found, and the digest told", async () => {
  assert.is(await ask(), digestIn(image));
  assert.is(await ask({ annotations: { env: "prod" } }), digestIn(image));
  assert.is(await ask({ certificate_chain: chainOf(root, middle) }), digestIn(image), "in any order");
});

test("certificate trust: without a chain, which may be null or left out, the certificate is trusted as it is", async () => {
  assert.is(await ask({ certificate_chain: null }), digestIn(image));
  assert.is(await ask({ certificate_chain: undefined }), digestIn(image));
});

test("certificate trust: a signature by the same key counts, also when it came without the certificate", async () => {
  const signed = imageSignedBy([{ keys, at: signingTime, log: sigstore.log }]);
  assert.is(await ask({}, { signed }), digestIn(signed));
});

test("certificate trust: a bundle of cosign 3 that refers to the image counts", async () => {
  const signed = unsignedImage();
  pushBundle(signed, envelopeBundle(logged, statementAbout(signed.image.digest, { annotations: { env: "prod" } })));
  assert.is(await ask({ annotations: { env: "prod" } }, { signed }), digestIn(signed));
  assert.match(await ask({ annotations: { env: "test" } }, { signed }), /has not the annotation env: test/);
});

test("certificate trust: where the log tells no time that of a timestamp authority counts", async () => {
  const timestamps = await makeTimestampAuthority();
  const trust = trustFrom(trustedRootOf({ ...sigstore, timestamps }));
  const asked = async (at: Date) => {
    const signed = unsignedImage();
    pushBundle(signed, envelopeOf({ ...logged, timestamps, at }, signed));
    const answer = await ask({}, { signed, trustRoot: () => Promise.resolve(trust), now: new Date("2030-01-01") });
    return answer.replace(signed.image.digest, "DIGEST");
  };
  assert.is(await asked(signingTime), '{"is_trusted":true,"digest":"DIGEST"}');
  assert.match(await asked(new Date(after.getTime() + 1_000)), /its certificate was not valid when it was made/);
});

const notCertificates: [string, Record<string, unknown>, RegExp][] = [
  ["that is no PEM", { certificate: bytes("no certificate") }, /^x509 error: .*PEM/],
  ["that is DER", { certificate: [...signer.certificate ?? []] }, /^x509 error: .*PEM/],
  ["that is nothing", { certificate: [] }, /^x509 error: .*PEM/],
  ["whose PEM holds something else", { certificate: bytes(pemOf(Buffer.from("hello"))) }, /^x509 error: /],
  ["that is a public key", { certificate: bytes(keys.pem) }, /^x509 error: .*it holds no certificate/],
  ["of a megabyte", { certificate: Array(200_000).fill(45) }, /200000 bytes are too many/],
  [
    "for servers",
    { certificate: pem(await issue({ usage: "serverAuth" })) },
    /^Bundled certificate does not have code signing extended key usage$/,
  ],
  [
    "whose key is not for signatures",
    { certificate: pem(await issue({ keyUsage: "keyEncipherment" })) },
    /^Bundled certificate does not have digital signature key usage$/,
  ],
  [
    "that names nobody",
    { certificate: pem(await issue({ names: [] })) },
    /^Certificate without Subject Alternative Name$/,
  ],
  ["of another authority", { certificate: pem(await issue({ by: stranger })) }, /Not issued by a trusted root/],
  ["that was forged in the authority's name", {
    certificate: pem(await issue({ by: stranger })),
    certificate_chain: chainOf(root),
  }, /Not issued by a trusted root: a signature does not match/],
];
for (const [what, payload, reason] of notCertificates) {
  test(`certificate trust: a certificate ${what} is refused`, async () => {
    assert.match(await ask(payload), reason);
  });
}

const chains: [string, number[][], RegExp][] = [
  ["without certificates", [], /Not issued by a trusted root: the chain has no root/],
  ["without the root", chainOf(middle), /Not issued by a trusted root: the chain has no root/],
  ["without the intermediate", chainOf(root), /Not issued by a trusted root: the chain has no root/],
  ["of another root with the same name", chainOf(middle, stranger), /Not issued by a trusted root: a signature does/],
  [
    "with a root that had ended when the certificate was issued",
    chainOf(middle, { ...root, ...await makeCertificateAuthority("root.test", { notAfter: new Date("2025-06-01") }) }),
    /the chain has no root that it leads to and that was valid then/,
  ],
  ["with a certificate that is no authority", [...wholeChain, pem(signer)], /^Certificate pool error: Cannot add/],
  ["that is no PEM", [bytes("root")], /^x509 error: .*PEM/],
  ["of hundreds", Array(17).fill(wholeChain[0]), /a chain of 17 certificates is too long/],
];
for (const [what, certificate_chain, reason] of chains) {
  test(`certificate trust: a chain ${what} is refused`, async () => {
    assert.match(await ask({ certificate_chain }), reason);
  });
}

test("certificate trust: an intermediate that had ended when the certificate was issued is refused", async () => {
  const old = await makeCertificateAuthority("old.test", { by: root, notAfter: new Date("2025-06-01") });
  const payload = { certificate: pem(await issue({ by: old })), certificate_chain: chainOf(old, root) };
  assert.match(await ask(payload), /an intermediate certificate was not valid then/);
});

test("certificate trust: a certificate that is not valid yet is refused, with and without a chain", async () => {
  for (const certificate_chain of [wholeChain, null]) {
    const refusal = await ask({ certificate_chain, require_rekor_bundle: false }, { now: new Date("2025-11-30") });
    assert.is(refusal, "Certificate validity check failed: cannot be used before 2025-12-01T00:00:00.000Z");
  }
});

test("certificate trust: a certificate that has ended still vouches for what was logged in its time", async () => {
  assert.is(await ask({}, { now: new Date("2030-01-01") }), digestIn(image));
});

test("certificate trust: what was logged before or after the certificate's time does not count, required or not", async () => {
  for (const at of [new Date(before.getTime() - 1_000), new Date(after.getTime() + 1_000)]) {
    const signed = imageSignedBy([{ ...logged, at }]);
    for (const require_rekor_bundle of [true, false]) {
      const refusal = await ask({ require_rekor_bundle }, { signed, now: new Date("2030-01-01") });
      assert.match(refusal, /^verification failed: /);
      assert.match(refusal, `its certificate was not valid when it was made: ${at.toISOString()}`);
    }
  }
});

test("certificate trust: a signature that was not logged counts only where that is not required, then for ever", async () => {
  assert.match(await ask({}, { signed: unlogged }), /^verification failed: [^]*rekor bundle is missing/);
  for (const now of [signingTime, new Date("2030-01-01")]) {
    assert.is(await ask({ require_rekor_bundle: false }, { signed: unlogged, now }), digestIn(unlogged));
  }
});

test("certificate trust: what a log says that nobody trusts is a lie, required or not", async () => {
  const signed = imageSignedBy([{ ...signer, log: makeTransparencyLog("rekor.elsewhere") }]);
  for (const require_rekor_bundle of [true, false]) {
    assert.match(await ask({ require_rekor_bundle }, { signed }), /^verification failed: [^]*inclusion promise/);
  }
});

test("certificate trust: a signature by another key, or with another certificate of the authority, is refused", async () => {
  const other = await issue({ keys: otherKeys });
  const signed = imageSignedBy([{ ...other, log: sigstore.log }]);
  assert.match(await ask({}, { signed }), /^verification failed: [^]*it was made with another key/);
  assert.match(await ask({ certificate: pem(other) }), /^verification failed: [^]*it was made with another key/);
  const mixed = imageSignedBy([{ ...signer, log: sigstore.log, keys: otherKeys }]);
  assert.match(await ask({}, { signed: mixed }), /it was made with another key/);
});

test("certificate trust: one signature must be by the certificate and have the annotations", async () => {
  assert.match(
    await ask({ annotations: { env: "test" } }),
    /^verification failed: [^]*has not the annotation env: test/,
  );
  const signed = unsignedImage();
  pushBundle(signed, envelopeOf(logged, signed));
  const other = { ...await issue({ keys: otherKeys }), log: sigstore.log };
  pushBundle(signed, envelopeBundle(other, statementAbout(signed.image.digest, { annotations: { env: "prod" } })));
  assert.match(await ask({ annotations: { env: "prod" } }, { signed }), /^verification failed: /);
});

test("certificate trust: an image without signatures, and one that is not there, are refused", async () => {
  const signed = unsignedImage();
  assert.is(await ask({}, { signed }), "no signatures found for image: registry.test/policy:v1 ");
  assert.is(await ask({ image: "registry.test/policy:v2" }), "no such image: registry.test/policy:v2");
});

test("certificate trust: a registry that does not answer is an error, and asked again the next time", async () => {
  const down = () => Promise.reject(new KubewardenError("DOWNLOAD_FAILED", "connection refused"));
  const registry = { manifest: down, blob: down, referrers: down };
  assert.is(await ask({}, { registry }), "connection refused");
  assert.is(await ask(), digestIn(image));
});

test("certificate trust: without a trust root only what must be logged is refused, and it says why", async () => {
  const trustRoot = () => Promise.reject(new KubewardenError("TRUST_ROOT_UNAVAILABLE", "no network to fetch it"));
  assert.match(await ask({}, { trustRoot }), /^verification failed: [^]*no network to fetch it/);
  assert.is(await ask({ require_rekor_bundle: false }, { trustRoot }), digestIn(image));
  assert.is(await ask({ require_rekor_bundle: false }, { trustRoot, signed: unlogged }), digestIn(unlogged));
});

test("certificate trust: an evaluation that ends stops waiting for the registry", async () => {
  const stop = new AbortController();
  const never = () => {
    stop.abort(new Error("the evaluation has ended"));
    return new Promise<never>(() => {});
  };
  const registry = { manifest: never, blob: never, referrers: never };
  assert.is(await ask({}, { registry, signal: stop.signal }), "the evaluation has ended");
});

test("certificate trust: certificate, chain and flag are all part of what is kept", async () => {
  const { registry } = image;
  const trust = sigstoreTrust({
    readerFor: () => registry,
    trustRoot: () => Promise.resolve(trusted),
    log: silentLog,
    now: () => signingTime,
  });
  const host = trustHost(trust);
  const { signal } = new AbortController();
  const base = {
    type: "SigstoreCertificateVerify" as const,
    image: "registry.test/policy:v1",
    certificate: pem(signer),
    certificate_chain: wholeChain,
    require_rekor_bundle: true,
    annotations: null,
  };
  const asked = async (question: Verification) => {
    const before = registry.asked.length;
    await host(question, signal).catch(() => {});
    return registry.asked.length > before;
  };
  assert.is(await asked(base), true);
  assert.is(await asked({ ...base }), false);
  assert.is(await asked({ ...base, require_rekor_bundle: false }), true);
  assert.is(await asked({ ...base, certificate_chain: null }), true);
  assert.is(await asked({ ...base, certificate_chain: chainOf(root, middle) }), true);
  assert.is(await asked({ ...base, certificate: pem(await issue()) }), true);
});

test.run();
