import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../../contracts/errors.ts";
import { createLog, silentLog } from "../../../../runtime/telemetry/log.ts";
import { onGithub, workflow } from "../../../../test/signing/github-workflow.ts";
import { makeKeys } from "../../../../test/signing/keys.ts";
import { envelopeOf, imageSignedBy, pushBundle, unsignedImage } from "../../../../test/signing/signed-image.ts";
import { keylessSigner, makeSigstore, signingTime, trustedRootOf } from "../../../../test/signing/sigstore.ts";
import type { VerifyImage } from "../fetch.ts";
import type { ImageReference, RegistryReader } from "../registry-reader.ts";
import { verificationOf } from "./setup.ts";

const folder = await mkdtemp(join(tmpdir(), "module-verifier-"));
test.after(() => rm(folder, { recursive: true }));
const sigstore = await makeSigstore();
const keys = makeKeys();
const cacheDir = join(folder, "sigstore-data");

/** Verification of images of one registry. */
function asking(registry: RegistryReader, verify: VerifyImage | undefined) {
  assert.ok(verify);
  return (image: ImageReference) => verify(image, { reader: registry, signal: new AbortController().signal });
}

/** A server's verification by files; the cache stays empty, as nothing may ask TUF. */
async function verification(
  requirements: Record<string, unknown>,
  { registry, log = silentLog, trustConfig = { trustedRoot: trustedRootOf(sigstore) } }: {
    registry: RegistryReader;
    log?: typeof silentLog;
    trustConfig?: unknown;
  },
) {
  const [verificationFile, sigstoreTrustConfigFile] = [crypto.randomUUID(), crypto.randomUUID()]
    .map((name) => join(folder, name)) as [string, string];
  await writeFile(verificationFile, JSON.stringify({ apiVersion: "v1", ...requirements }));
  await writeFile(sigstoreTrustConfigFile, JSON.stringify(trustConfig));
  const files = { verificationFile, sigstoreTrustConfigFile, sigstoreCacheDir: cacheDir };
  return asking(registry, await verificationOf(files, log));
}

function recorded() {
  const lines: string[] = [];
  return { lines, log: createLog({ format: "text", write: (line) => lines.push(line) }) };
}

const byKey = { kind: "pubKey", key: keys.pem };
const byKubewarden = { kind: "githubAction", owner: "kubewarden" };

test("module verifier: tells the digest, and logs who signed (AT-030)", async () => {
  const { lines, log } = recorded();
  const { registry, image } = imageSignedBy([{ keys, at: signingTime }, await keylessSigner(sigstore, onGithub)]);
  const requirements = { allOf: [byKey], anyOf: { signatures: [byKubewarden] } };
  const verify = await verification(requirements, { registry, log });
  assert.is(await verify(registry.image), image.digest);
  assert.is(lines.length, 1);
  assert.match(lines[0] ?? "", /Module verified/);
  assert.match(lines[0] ?? "", `${workflow} (https://token.actions.githubusercontent.com)`);
  assert.match(lines[0] ?? "", /key sha256:[0-9a-f]{16}/);
});

test("module verifier: a module that somebody else signed is refused in upstream's words (AT-048)", async () => {
  const { registry } = imageSignedBy([{ keys: makeKeys(), at: signingTime }]);
  const verify = await verification({ allOf: [byKubewarden] }, { registry });
  const error = await verify(registry.image).catch((each: unknown) => each);
  assert.instance(error, KubewardenError);
  assert.is((error as KubewardenError).code, "VERIFICATION_FAILED");
  assert.match((error as KubewardenError).message, /^Image verification failed: missing signatures\nThe following/);
});

test("module verifier: what cosign 3 signs is verified too (12.23)", async () => {
  const signed = unsignedImage();
  pushBundle(signed, envelopeOf(await keylessSigner(sigstore, onGithub), signed));
  const verify = await verification({ allOf: [byKubewarden] }, signed);
  assert.is(await verify(signed.registry.image), signed.image.digest);
});

test("module verifier: warns where one signature counts for two entries (12.5)", async () => {
  const { lines, log } = recorded();
  const { registry } = imageSignedBy([{ keys, at: signingTime }]);
  const anyOf = { minimumMatches: 2, signatures: [byKey, { ...byKey, owner: "the same" }] };
  await (await verification({ anyOf }, { registry, log }))(registry.image);
  assert.match(lines[0] ?? "", "One signature counts for several entries of anyOf");
});

test("module verifier: without a trust root only keys count, and nothing goes unverified (12.1)", async () => {
  const { registry, image } = imageSignedBy([{ keys, at: signingTime }, await keylessSigner(sigstore, onGithub)]);
  const options = { registry, trustConfig: {} };
  assert.is(await (await verification({ allOf: [byKey] }, options))(registry.image), image.digest);
  const verify = await verification({ allOf: [byKubewarden] }, options);
  const error = await verify(registry.image).catch((each: unknown) => each);
  assert.is((error as KubewardenError).code, "TRUST_ROOT_UNAVAILABLE");
  assert.match((error as KubewardenError).message, /missing trusted_root field/);
});

test("module verifier: a trust root that nothing needs is not asked for", async () => {
  const { registry, image } = imageSignedBy([{ keys, at: signingTime }]);
  const verificationFile = join(folder, "keys-only.yml");
  await writeFile(verificationFile, JSON.stringify({ apiVersion: "v1", allOf: [byKey] }));
  const verify = asking(registry, await verificationOf({ verificationFile, sigstoreCacheDir: cacheDir }, silentLog));
  assert.is(await verify?.(registry.image), image.digest);
  assert.equal((await readdir(folder)).filter((each) => each === "sigstore-data"), []);
});

test("module verifier: a registry that fails leaves a module unverified", async () => {
  const { registry } = unsignedImage();
  registry.manifest = async () => {
    throw new KubewardenError("DOWNLOAD_FAILED", "the registry is down");
  };
  const error = await (await verification({ allOf: [byKey] }, { registry }))(registry.image).catch((each: unknown) =>
    each
  ) as KubewardenError;
  assert.equal([error.code, error.message], ["VERIFICATION_FAILED", "the registry is down"]);
});

test("module verifier: without requirements there is none, and with a key that is none it does not begin", async () => {
  const { registry } = unsignedImage();
  assert.is(await verificationOf({ sigstoreCacheDir: cacheDir }, silentLog), undefined);
  const key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
  const error = await verification({ allOf: [{ kind: "pubKey", key }] }, { registry }).catch((each) => each);
  assert.match(error.message, /^a public key cannot be read: /);
});

test.run();
