import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  pod,
  type PolicyServerProcess,
  reviewOf,
  send,
  startPolicyServerProcess,
  verdictOf,
} from "../../../test/policy-server-process.ts";
import { onGithub, workflow } from "../../../test/signing/github-workflow.ts";
import { makeKeys } from "../../../test/signing/keys.ts";
import { serveRegistry } from "../../../test/signing/serve-registry.ts";
import {
  envelopeOf,
  pushBundle,
  pushSignatures,
  type SignedImage,
  simpleSigningLayer,
  unsignedImage,
} from "../../../test/signing/signed-image.ts";
import {
  keylessSigner,
  makeSigstore,
  payloadAbout,
  signingTime,
  trustedRootOf,
} from "../../../test/signing/sigstore.ts";
import { exampleUrl } from "../testing/guests.ts";

const folder = await mkdtemp(join(tmpdir(), "signatures-"));
const stop = new AbortController();
const servers: PolicyServerProcess[] = [];
test.after(async () => {
  await Promise.all(servers.map((each) => each.stop()));
  stop.abort();
  await rm(folder, { recursive: true });
});
const module = await readFile(new URL(exampleUrl("privileged-pods/policy")));
const sigstore = await makeSigstore();

async function file(content: unknown): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, JSON.stringify(content));
  return path;
}

/** A server with one policy, `testing`, from a registry that is listed as insecure. */
async function serverWith(
  signed: SignedImage,
  requirements: Record<string, unknown>,
  env: Record<string, string> = {},
) {
  const host = await serveRegistry(signed.registry, stop.signal);
  const url = `registry://${host}/policies/testing:v1`;
  const server = await startPolicyServerProcess({
    policies: { testing: { module: url } },
    env: {
      KUBEWARDEN_POLICIES_DOWNLOAD_DIR: join(folder, crypto.randomUUID()),
      KUBEWARDEN_SOURCES_PATH: await file({ insecure_sources: [host] }),
      KUBEWARDEN_VERIFICATION_CONFIG_PATH: await file({ apiVersion: "v1", ...requirements }),
      KUBEWARDEN_SIGSTORE_CACHE_DIR: join(folder, "sigstore-data"),
      KUBEWARDEN_SIGSTORE_TRUST_CONFIG_PATH: await file({ trustedRoot: trustedRootOf(sigstore) }),
      ...env,
    },
  });
  servers.push(server);
  const ask = async () =>
    verdictOf(await send(`${server.url}/validate/testing`, { body: reviewOf(pod({ privileged: true })) }));
  return { ...server, ask, registryUrl: url };
}

const keys = [makeKeys(), makeKeys()] as const;
const byKeys = (annotations: Record<string, string>) => ({
  allOf: keys.map(({ pem }) => ({ kind: "pubKey", key: pem, annotations })),
});

test("AT-021: a module with the signatures of both keys, and their annotations, is served", async () => {
  const signed = unsignedImage(module);
  const payload = payloadAbout(signed.image.digest, { env: "prod", stable: true });
  pushSignatures(signed, keys.map((each) => simpleSigningLayer({ keys: each, at: signingTime }, payload)));
  const server = await serverWith(signed, byKeys({ env: "prod", stable: "true" }));
  assert.equal((await server.ask()).status, { message: "Privileged container is not allowed" });
});

test("AT-030: with a trust root of one's own, a module signed by a workflow is served", async () => {
  for (const form of ["cosign 2", "cosign 3"]) {
    const signed = unsignedImage(module);
    const signer = await keylessSigner(sigstore, onGithub);
    const { digest } = signed.image;
    if (form === "cosign 2") pushSignatures(signed, [simpleSigningLayer(signer, payloadAbout(digest))]);
    else pushBundle(signed, envelopeOf(signer, signed));
    const server = await serverWith(signed, { allOf: [{ kind: "githubAction", owner: "kubewarden" }] });
    assert.equal((await server.ask()).status, { message: "Privileged container is not allowed" });
    const verified = server.log.find(({ message }) => message === "Module verified");
    assert.equal([verified?.digest, verified?.signers], [digest, [`${workflow} (${onGithub.issuer})`]]);
  }
});

test("AT-048: a module that another owner's workflow signed is not served, and the answer says what is missing", async () => {
  const signed = unsignedImage(module);
  const signer = await keylessSigner(sigstore, { ...onGithub, workflowRepository: "hacker/policy" });
  pushSignatures(signed, [simpleSigningLayer(signer, payloadAbout(signed.image.digest))]);
  const requirements = { allOf: [{ kind: "githubAction", owner: "kubewarden" }] };
  const server = await serverWith(signed, requirements, { KUBEWARDEN_CONTINUE_ON_ERRORS: "true" });
  const { allowed, status } = await server.ask();
  assert.is(allowed, false);
  assert.match(
    status?.message ?? "",
    "Policy 'testing' cannot be verified: Image verification failed: missing signatures",
  );
  assert.match(status?.message ?? "", `module: ${server.registryUrl}`);
});

test("signatures: without a trust root a module that needs one is not served (12.1)", async () => {
  const signed = unsignedImage(module);
  pushSignatures(signed, [
    simpleSigningLayer(await keylessSigner(sigstore, onGithub), payloadAbout(signed.image.digest)),
  ]);
  const requirements = { allOf: [{ kind: "githubAction", owner: "kubewarden" }] };
  const env = {
    KUBEWARDEN_CONTINUE_ON_ERRORS: "true",
    KUBEWARDEN_SIGSTORE_TRUST_CONFIG_PATH: join(folder, "none"),
  };
  const server = await serverWith(signed, requirements, env);
  const { allowed, status } = await server.ask();
  assert.is(allowed, false);
  assert.match(status?.message ?? "", "could not read Sigstore trust config file");
});

test("signatures: what the tag stands for after it was verified is not what is run", async () => {
  const signed = unsignedImage(module);
  const payload = payloadAbout(signed.image.digest);
  pushSignatures(signed, [simpleSigningLayer({ keys: keys[0], at: signingTime }, payload)]);
  const other = unsignedImage("\0asm of somebody else").registry;
  const { registry } = signed;
  const first = registry.manifest.bind(registry);
  let asked = 0;
  registry.manifest = async (image) =>
    image.reference === "v1" && asked++ > 0 ? await other.manifest(image) : await first(image);
  const server = await serverWith(signed, { allOf: [{ kind: "pubKey", key: keys[0].pem }] });
  assert.equal((await server.ask()).status, { message: "Privileged container is not allowed" });
});

test("signatures: a module that is in no registry is not served where signatures are required", async () => {
  const server = await startPolicyServerProcess({
    policies: { testing: { module: exampleUrl("privileged-pods/policy") } },
    env: {
      KUBEWARDEN_CONTINUE_ON_ERRORS: "true",
      KUBEWARDEN_VERIFICATION_CONFIG_PATH: await file({ apiVersion: "v1", ...byKeys({}) }),
    },
  });
  servers.push(server);
  const answer = await send(`${server.url}/validate/testing`, { body: reviewOf(pod({ privileged: false })) });
  const { allowed, status } = verdictOf(answer);
  assert.is(allowed, false);
  assert.match(status?.message ?? "", /Policy 'testing' cannot be verified: only modules [io][nf] registries/);
});

test.run();
