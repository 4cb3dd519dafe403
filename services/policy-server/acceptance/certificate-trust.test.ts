import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { issueCertificate, makeCertificateAuthority } from "../../../test/signing/certificate-authority.ts";
import { makeKeys } from "../../../test/signing/keys.ts";
import { serveRegistry } from "../../../test/signing/serve-registry.ts";
import { imageSignedBy } from "../../../test/signing/signed-image.ts";
import { makeSigstore, pemOf, signingTime, trustedRootOf } from "../../../test/signing/sigstore.ts";
import { asking } from "../testing/asking-guests.ts";

const folder = await mkdtemp(join(tmpdir(), "certificate-trust-"));
const stop = new AbortController();
const sigstore = await makeSigstore();
const root = await makeCertificateAuthority("root.test");
const [keys, otherKeys] = [makeKeys(), makeKeys()];
const notBefore = new Date(signingTime.getTime() - 60_000);
const certificate = await issueCertificate(root, { keys, notBefore, promised: false });
const otherCertificate = await issueCertificate(root, { keys: otherKeys, notBefore, promised: false });
const { registry } = imageSignedBy([{ keys, certificate, log: sigstore.log, at: signingTime }]);
const host = await serveRegistry(registry, stop.signal);

const bytes = (text: string) => [...new TextEncoder().encode(text)];
async function policy(signer: Buffer) {
  const module = await asking({
    namespace: "oci",
    operation: "v2/verify",
    question: {
      type: "SigstoreCertificateVerify",
      image: `${host}/policies/testing:v1`,
      certificate: bytes(pemOf(signer)),
      certificate_chain: [bytes(root.certificate.toString("pem"))],
      require_rekor_bundle: true,
      annotations: null,
    },
  });
  const file = join(folder, `${crypto.randomUUID()}.wasm`);
  await writeFile(file, module);
  return { module: pathToFileURL(file).href, hostCapabilities: ["oci/v2/verify"] };
}
async function json(content: unknown): Promise<string> {
  const file = join(folder, `${crypto.randomUUID()}.json`);
  await writeFile(file, JSON.stringify(content));
  return file;
}

const server = await startPolicyServerProcess({
  policies: { "by-certificate": await policy(certificate), "by-another": await policy(otherCertificate) },
  env: {
    KUBEWARDEN_SOURCES_PATH: await json({ insecure_sources: [host] }),
    KUBEWARDEN_SIGSTORE_TRUST_CONFIG_PATH: await json({ trustedRoot: trustedRootOf(sigstore) }),
  },
});
test.after(async () => {
  await server.stop();
  stop.abort();
  await rm(folder, { recursive: true });
});
const verdict = async (id: string) => verdictOf(await send(`${server.url}/validate/${id}`, { body: reviewOf(pod()) }));

test("certificate trust: a policy that asks for an image signed by a certificate accepts it", async () => {
  assert.is((await verdict("by-certificate")).allowed, true);
});

test("certificate trust: a policy that asks for another certificate reads why the image is not trusted", async () => {
  const { allowed, status } = await verdict("by-another");
  assert.is(allowed, false);
  assert.match(status?.message ?? "", /verification failed: [^]*it was made with another key/);
});

test.run();
