import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../../contracts/errors.ts";
import type { SignatureRequirement } from "../../../../contracts/verification-config.ts";
import { silentLog } from "../../../../runtime/telemetry/log.ts";
import { workflow } from "../../../../test/signing/github-workflow.ts";
import { makeKeys } from "../../../../test/signing/keys.ts";
import { ofKey } from "../../../../test/signing/requirements.ts";
import {
  imageSignedBy,
  pushSignatures,
  refusalOf,
  type SignedImage,
  simpleSigningLayer,
  unsignedImage,
  verifySigned,
} from "../../../../test/signing/signed-image.ts";
import {
  keylessSigner,
  makeSigstore,
  payloadAbout,
  signingTime,
  trustedRootOf,
} from "../../../../test/signing/sigstore.ts";
import { MemoryRegistry } from "../../../../test/signing/memory-registry.ts";
import { imageVerifier } from "./image-verifier.ts";
import { githubIssuer, type Requirements } from "./requirements.ts";
import { trustFrom } from "./sigstore/trusted-root.ts";

const sigstore = await makeSigstore();
const trustedRoot = trustedRootOf(sigstore);
const keys = makeKeys();
const key = ofKey(keys.pem);
const byKubewarden: SignatureRequirement = {
  kind: "githubAction",
  owner: "kubewarden",
  repo: undefined,
  annotations: undefined,
};
const onGithub = { issuer: githubIssuer, names: [{ type: "url", value: workflow }] } as const;

/** Verifies without a trust root. */
async function withoutTrust({ registry }: SignedImage, requirements: Requirements): Promise<unknown> {
  const trustRoot = async () => {
    throw new KubewardenError("TRUST_ROOT_UNAVAILABLE", "nobody is there");
  };
  return await imageVerifier({ trustRoot, log: silentLog })(registry.image, { registry, requirements })
    .catch((error: unknown) => error);
}

test("image verifier: without a trust root a key still counts, and nothing else does", async () => {
  const signed = imageSignedBy([{ keys, at: signingTime }, await keylessSigner(sigstore, onGithub)]);
  assert.equal(await withoutTrust(signed, { allOf: [key] }) instanceof Error, false);
  const oneOfBoth = { anyOf: { minimumMatches: 1, signatures: [byKubewarden, key] } };
  assert.equal(await withoutTrust(signed, oneOfBoth) instanceof Error, false);
  for (const requirements of [{ allOf: [byKubewarden] }, { allOf: [key, byKubewarden] }]) {
    const error = await withoutTrust(signed, requirements);
    assert.instance(error, KubewardenError);
    assert.is((error as KubewardenError).code, "TRUST_ROOT_UNAVAILABLE");
    assert.match(
      (error as KubewardenError).message,
      /constraints were not satisfied[^]*Only keys could be looked for: nobody/,
    );
  }
});

test("image verifier: a failure that is no lack of a trust root is not taken for one", async () => {
  const { registry } = imageSignedBy([{ keys, at: signingTime }]);
  const trustRoot = async () => {
    throw new TypeError("a mistake");
  };
  const verifier = imageVerifier({ trustRoot, log: silentLog });
  const error = await verifier(registry.image, { registry, requirements: { allOf: [byKubewarden] } }).catch((
    each: unknown,
  ) => each);
  assert.instance(error, TypeError);
});

/** Extensions of the certificate, and whether it was a workflow of kubewarden's. */
const workflows: [string, { workflowRepository?: string; sourceRepository?: string }, boolean][] = [
  ["the older extension", { workflowRepository: "kubewarden/policy" }, true],
  ["the newer extension", { sourceRepository: "https://github.com/kubewarden/policy" }, true],
  ["both", { workflowRepository: "kubewarden/policy", sourceRepository: "https://github.com/kubewarden/policy" }, true],
  ["both, of different ones", {
    workflowRepository: "kubewarden/policy",
    sourceRepository: "https://github.com/hacker/policy",
  }, false],
  ["the newer one, elsewhere", { sourceRepository: "https://example.com/kubewarden/policy" }, false],
  ["another owner", { workflowRepository: "hacker/policy" }, false],
  ["no extension", {}, false],
];
for (const [what, extensions, expected] of workflows) {
  test(`image verifier: a workflow on GitHub by ${what}: ${expected ? "met" : "not met"}`, async () => {
    const signed = imageSignedBy([await keylessSigner(sigstore, { ...onGithub, ...extensions })]);
    if (!expected) return void await refusalOf(signed, { allOf: [byKubewarden] }, trustedRoot);
    const { signatures } = await verifySigned(signed, { allOf: [byKubewarden] }, trustedRoot);
    assert.is(signatures[0]?.identity?.workflowRepository, "kubewarden/policy");
  });
}

test("image verifier: a prefix counts whole parts of the path only (AT-117)", async () => {
  const names = [{ type: "url", value: "https://github.com/kubewarden-hacker/policy" }] as const;
  const signed = imageSignedBy([await keylessSigner(sigstore, { ...onGithub, names })]);
  const prefixed = (urlPrefix: string): Requirements => ({
    allOf: [{ kind: "genericIssuer", issuer: githubIssuer, subject: { urlPrefix }, annotations: undefined }],
  });
  await refusalOf(signed, prefixed("https://github.com/kubewarden/"), trustedRoot);
  await verifySigned(signed, prefixed("https://github.com/kubewarden-hacker/"), trustedRoot);
});

test("image verifier: what is verified is what the tag stood for, an index too", async () => {
  const registry = new MemoryRegistry();
  const index = registry.pushManifest({ schemaVersion: 2, manifests: [] }, { tag: "v1" });
  const signed = { registry, image: index };
  pushSignatures(signed, [simpleSigningLayer({ keys, at: signingTime }, payloadAbout(index.digest))]);
  assert.is((await verifySigned(signed, { allOf: [key] }, trustedRoot)).digest, index.digest);
});

test("image verifier: the referrers are only asked for where the tag does not suffice", async () => {
  const signed = imageSignedBy([{ keys, at: signingTime }]);
  await verifySigned(signed, { allOf: [key] }, trustedRoot);
  assert.equal(signed.registry.asked.filter((each) => each.startsWith("referrers")), []);
});

test("image verifier: an image without signatures, and one that is not there", async () => {
  const none = "no signatures found for image: registry.test/policy:v1 ";
  assert.is(await refusalOf(unsignedImage(), { allOf: [key] }, trustedRoot), none);
  const empty = { registry: new MemoryRegistry(), image: unsignedImage().image };
  assert.is(await refusalOf(empty, { allOf: [key] }, trustedRoot), "no such image: registry.test/policy:v1");
});

test("image verifier: a key that cannot be read is named before anything is asked", async () => {
  const signed = unsignedImage();
  const broken: SignatureRequirement = { ...key, key: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----" };
  assert.match(await refusalOf(signed, { allOf: [broken] }, trustedRoot), /^a public key cannot be read: /);
  assert.equal(signed.registry.asked, []);
});

test("image verifier: a registry that fails is no registry without signatures", async () => {
  const signed = imageSignedBy([{ keys, at: signingTime }]);
  signed.registry.referrers = async () => {
    throw new KubewardenError("DOWNLOAD_FAILED", "the registry is down");
  };
  const verifier = imageVerifier({
    trustRoot: async () => trustFrom(trustedRoot),
    log: silentLog,
  });
  const error = await verifier(signed.registry.image, {
    registry: signed.registry,
    requirements: { allOf: [byKubewarden] },
  }).catch((each: unknown) => each);
  assert.is((error as Error).message, "the registry is down");
});

test.run();
