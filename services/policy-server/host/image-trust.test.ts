import { test } from "uvu";
import * as assert from "uvu/assert";
import { ManualClock } from "../../../runtime/testing/manual-clock.ts";
import type { ImageReference } from "../modules/registry-reader.ts";
import { type ImageTrust, trustHost } from "./image-trust.ts";
import { parseQuestion, type Verification } from "./questions.ts";

const { signal } = new AbortController();
const image = "ghcr.io/a/b:v1";
const annotations = { env: "prod" };
const question = (payload: Record<string, unknown>) =>
  parseQuestion("oci/v2/verify", new TextEncoder().encode(JSON.stringify({ image, ...payload }))) as Verification;

/** A verifier that trusts everything but the tag `bad`, and remembers what it was asked. */
function host() {
  const asked: unknown[] = [], clock = new ManualClock();
  // deno-lint-ignore require-await
  const verify = async ({ reference }: ImageReference, { signal: _, ...requirements }: Record<string, unknown>) => {
    asked.push(requirements);
    if (reference === "bad") throw new Error("no signatures found for image: bad ");
    return "sha256:1";
  };
  const trust: ImageTrust = { bySigners: verify, byCertificate: verify };
  const answer = trustHost(trust, { now: () => clock.now() });
  const ask = (payload: Record<string, unknown>) =>
    answer(question(payload), signal).then((bytes) => new TextDecoder().decode(bytes), (error) => error.message);
  return { ask, asked, clock };
}
const trusted = '{"is_trusted":true,"digest":"sha256:1"}';

const variants: [Record<string, unknown>, unknown][] = [
  [{ type: "SigstorePubKeyVerify", pub_keys: ["k", "l"], annotations }, {
    allOf: ["k", "l"].map((key) => ({ kind: "pubKey", key, owner: undefined, annotations })),
  }],
  [{ type: "SigstoreKeylessVerify", keyless: [{ issuer: "i", subject: "s" }] }, {
    allOf: [{ kind: "genericIssuer", issuer: "i", subject: { equal: "s" }, annotations: undefined }],
  }],
  [{
    type: "SigstoreKeylessPrefixVerify",
    keyless_prefix: ["https://github.com/a", "https://github.com/a/"].map((url_prefix) => ({
      issuer: "i",
      url_prefix,
    })),
    annotations,
  }, {
    allOf: Array(2).fill({
      kind: "genericIssuer",
      issuer: "i",
      subject: { urlPrefix: "https://github.com/a/" },
      annotations,
    }),
  }],
  [{ type: "SigstoreGithubActionsVerify", owner: "o", repo: "r" }, {
    allOf: [{ kind: "githubAction", owner: "o", repo: "r", annotations: undefined }],
  }],
  [{ type: "SigstoreGithubActionsVerify", owner: "o" }, {
    allOf: [{ kind: "githubAction", owner: "o", repo: undefined, annotations: undefined }],
  }],
  [{
    type: "SigstoreCertificateVerify",
    certificate: [1],
    certificate_chain: [[2], [3]],
    require_rekor_bundle: true,
    annotations,
  }, {
    certificate: {
      certificate: Uint8Array.of(1),
      chain: [Uint8Array.of(2), Uint8Array.of(3)],
      mustBeLogged: true,
      annotations,
    },
  }],
  [{ type: "SigstoreCertificateVerify", certificate: [1], certificate_chain: null, require_rekor_bundle: false }, {
    certificate: { certificate: Uint8Array.of(1), chain: undefined, mustBeLogged: false, annotations: undefined },
  }],
];
for (const [payload, expected] of variants) {
  test(`image trust: ${JSON.stringify(payload)} asks for what it says`, async () => {
    const { ask, asked } = host();
    assert.is(await ask(payload), trusted);
    assert.equal(asked, [expected]);
  });
}

const empty: [Record<string, unknown>, string][] = [
  [{ type: "SigstorePubKeyVerify", pub_keys: [] }, "Must provide at least one pub key"],
  [{ type: "SigstoreKeylessVerify", keyless: [] }, "Must provide keyless info"],
  [{ type: "SigstoreKeylessPrefixVerify", keyless_prefix: [] }, "Must provide keyless info"],
  [{ type: "SigstoreGithubActionsVerify", owner: "" }, "Must provide owner info"],
];
for (const [payload, expected] of empty) {
  test(`image trust: a ${payload.type} of nobody is an error`, async () => {
    const { ask, asked } = host();
    assert.equal([await ask(payload), asked], [expected, []]);
  });
}

test("image trust: is kept for a minute by everything that was asked, and mistrust is not kept", async () => {
  const { ask, asked, clock } = host();
  const payload = { type: "SigstorePubKeyVerify", pub_keys: ["k"], annotations: { a: "1", b: "2" } };
  await ask(payload);
  await ask({ ...payload, annotations: { b: "2", a: "1" } });
  assert.is(asked.length, 1);
  const others = [
    { ...payload, annotations: { a: "1", b: "3" } },
    { ...payload, annotations: { a: '1","b":"2' } },
    { ...payload, annotations: null },
    { ...payload, pub_keys: ["k", "l"] },
    { ...payload, image: "ghcr.io/a/b:v2" },
  ];
  for (const other of others) await ask(other);
  assert.is(asked.length, 1 + others.length);
  clock.advance(60_000);
  await ask(payload);
  assert.is(asked.length, 2 + others.length);
  const bad = { ...payload, image: "ghcr.io/a/b:bad" };
  assert.equal([await ask(bad), await ask(bad)], Array(2).fill("no signatures found for image: bad "));
  assert.is(asked.length, 4 + others.length);
});

test.run();
