import { test } from "uvu";
import * as assert from "uvu/assert";
import { silentLog } from "../../../runtime/telemetry/log.ts";
import { onGithub, workflow } from "../../../test/signing/github-workflow.ts";
import { makeKeys } from "../../../test/signing/keys.ts";
import { imageSignedBy, unsignedImage } from "../../../test/signing/signed-image.ts";
import { keylessSigner, makeSigstore, signingTime, trustedRootOf } from "../../../test/signing/sigstore.ts";
import { githubIssuer } from "../modules/verify/requirements.ts";
import { trustFrom } from "../modules/verify/sigstore/trusted-root.ts";
import { trustHost } from "./image-trust.ts";
import { parseQuestion, type Verification } from "./questions.ts";
import { sigstoreTrust } from "./sigstore-trust.ts";

const sigstore = await makeSigstore();
const trusted = trustFrom(trustedRootOf(sigstore));
const keys = makeKeys(), other = makeKeys();
const signed = imageSignedBy([
  { keys, at: signingTime },
  await keylessSigner(sigstore, onGithub),
], { env: "prod" });

/** What a guest reads when it asks about the image. */
async function ask({ registry }: typeof signed, payload: Record<string, unknown>): Promise<string> {
  const { registry: host, repository, reference } = registry.image;
  const question = { image: `${host}/${repository}:${reference}`, ...payload };
  const trust = sigstoreTrust({ readerFor: () => registry, trustRoot: () => Promise.resolve(trusted), log: silentLog });
  const parsed = parseQuestion("oci/v2/verify", new TextEncoder().encode(JSON.stringify(question))) as Verification;
  return await trustHost(trust)(parsed, new AbortController().signal)
    .then((bytes) => new TextDecoder().decode(bytes), (error) => error.message);
}

const byKey = (...pub_keys: string[]) => ({ type: "SigstorePubKeyVerify", pub_keys });
const accepted: [string, Record<string, unknown>][] = [
  ["a key", byKey(keys.pem)],
  ["a key with annotations", { ...byKey(keys.pem), annotations: { env: "prod" } }],
  ["an identity", { type: "SigstoreKeylessVerify", keyless: [{ issuer: githubIssuer, subject: workflow }] }],
  ["the beginning of an identity", {
    type: "SigstoreKeylessPrefixVerify",
    keyless_prefix: [{ issuer: githubIssuer, url_prefix: "https://github.com/kubewarden" }],
  }],
  ["an owner on GitHub", { type: "SigstoreGithubActionsVerify", owner: "kubewarden", repo: "policy" }],
];
for (const [what, payload] of accepted) {
  test(`image trust: a signature by ${what} is found, and the digest told`, async () => {
    assert.is(await ask(signed, payload), `{"is_trusted":true,"digest":"${signed.image.digest}"}`);
  });
}

const refused: [string, Record<string, unknown>][] = [
  ["another key", byKey(other.pem)],
  ["one key of two", byKey(keys.pem, other.pem)],
  ["other annotations", { ...byKey(keys.pem), annotations: { env: "test" } }],
  ["the beginning of another's name", {
    type: "SigstoreKeylessPrefixVerify",
    keyless_prefix: [{ issuer: githubIssuer, url_prefix: "https://github.com/kube" }],
  }],
  ["another owner", { type: "SigstoreGithubActionsVerify", owner: "someone" }],
];
for (const [what, payload] of refused) {
  test(`image trust: ${what} is not enough`, async () => {
    assert.match(await ask(signed, payload), /signatures/);
  });
}

test("image trust: an image without signatures is not trusted", async () => {
  assert.match(await ask(unsignedImage(), byKey(keys.pem)), /no signatures found for image/);
});

test.run();
