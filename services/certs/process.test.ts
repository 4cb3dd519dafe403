import { suite } from "uvu";
import * as assert from "uvu/assert";
import { X509Certificate } from "node:crypto";
import {
  type ControllerBench,
  policyServer,
  startControllerBench,
  until,
  untilCondition,
} from "../../test/controller-under-test.ts";
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { apiVersion } from "../../contracts/names.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import { secretText } from "./secrets.ts";

const test = suite<{ bench: ControllerBench; kill: (signal?: NodeJS.Signals) => Promise<number | null> }>(
  "certs, as a process",
);
const server: ObjectRef = { apiVersion, kind: "PolicyServer", name: "default" };
const secret = (name: string): ObjectRef => ({ apiVersion: "v1", kind: "Secret", namespace: "kubewarden", name });
const authority = secret("kubewarden-ca"), leaf = secret("policy-server-default");

const certificateOf = (object: KubeObject | undefined, key: string) =>
  new X509Certificate(secretText(object, key) ?? "");
const bundleOf = (object: KubeObject) => (object.status as { caBundle?: string }).caBundle ?? "";

/** Plays the webhook-registrar. */
async function confirm({ kube }: ControllerBench): Promise<void> {
  const now = (await kube.get(server))!;
  await kube.apply({
    apiVersion,
    kind: "PolicyServer",
    metadata: { name: "default", uid: now.metadata.uid },
    status: { trustedCaDigest: sha256Hex(bundleOf(now)) },
  }, { fieldManager: "webhook-registrar", subresource: "status", force: true });
}

test.before(async (context) => {
  context.bench = await startControllerBench({ disturbances: true });
});
test.after(async ({ bench }) => await bench.stop());

test("a PolicyServer gets its Secrets, its bundle and both conditions", async (context) => {
  const { bench } = context;
  const { kube } = bench;
  context.kill = await bench.start("certs", ["--trust-settle-time", "100ms"]);
  await kube.create(policyServer("default"));
  const served = await untilCondition(kube, server, "CertSecretReconciled", "True");
  const [ca, serving] = [await kube.get(authority), await kube.get(leaf)];
  assert.is(bundleOf(served), secretText(ca, "ca.crt"));
  const certificate = certificateOf(serving, "tls.crt");
  assert.ok(certificate.verify(certificateOf(ca, "ca.crt").publicKey));
  assert.is(certificate.subjectAltName, "DNS:policy-server-default.kubewarden.svc");
  assert.match(secretText(serving, "tls.key")!, "BEGIN EC PRIVATE KEY");
  assert.equal(serving!.metadata.labels, {
    "app.kubernetes.io/part-of": "kubewarden",
    "app.kubernetes.io/component": "policy-server",
  });
  assert.is(serving!.metadata.ownerReferences![0]!.uid, served.metadata.uid);
  assert.is(serving!.type, "Opaque");
  await confirm(bench);
});

test("a serving Secret deleted, damaged or stripped by hand is made good", async ({ bench: { kube } }) => {
  const usable = async () => {
    const found = await kube.get(leaf);
    return secretText(found, "tls.key") && secretText(found, "tls.crt") && found?.metadata.labels ? found : undefined;
  };
  const first = (await kube.get(leaf))!;
  await kube.remove(leaf);
  const second = await until("a new Secret", usable);
  assert.is.not(second.metadata.uid, first.metadata.uid);
  await kube.patch(leaf, { data: { "tls.key": null } }, { type: "merge" });
  const third = await until("a new key", usable);
  assert.is.not(secretText(third, "tls.crt"), secretText(second, "tls.crt"));
  await kube.patch(leaf, { metadata: { labels: null, ownerReferences: null } }, { type: "merge" });
  const fourth = await until("labels again", usable);
  assert.is(secretText(fourth, "tls.crt"), secretText(third, "tls.crt"));
  await untilCondition(kube, server, "CertSecretReconciled", "True");
});

test("a CA Secret lost by hand: the former one stays trusted, and signing waits for the webhooks", async ({ bench }) => {
  const { kube } = bench;
  const before = secretText(await kube.get(authority), "ca.crt")!;
  const served = secretText(await kube.get(leaf), "tls.crt");
  await kube.remove(authority);
  const after = await until("both authorities in the bundle", async () => {
    const bundle = bundleOf((await kube.get(server))!);
    return bundle.endsWith(before) && bundle !== before ? bundle : undefined;
  });
  assert.is(after, secretText(await kube.get(authority), "ca.crt")! + before);
  assert.is(secretText(await kube.get(leaf), "tls.crt"), served);
  await confirm(bench);
  const renewed = await until("a certificate of the new authority", async () => {
    const found = await kube.get(leaf);
    return secretText(found, "tls.crt") !== served ? found : undefined;
  });
  const current = certificateOf(await kube.get(authority), "ca.crt");
  assert.ok(certificateOf(renewed, "tls.crt").verify(current.publicKey));
});

test("killed and started again, it changes nothing that stands and goes on with what is new", async ({ bench, kill }) => {
  const { kube } = bench;
  const snapshot =
    async () => [secretText(await kube.get(authority), "ca.crt"), secretText(await kube.get(leaf), "tls.crt")];
  const before = await snapshot();
  await kill("SIGKILL");
  const stop = await bench.start("certs", ["--no-leader-elect"]);
  await kube.create(policyServer("second"));
  await untilCondition(kube, { ...server, name: "second" }, "CertSecretReconciled", "True");
  assert.equal(await snapshot(), before);
  assert.is(await stop(), 0);
});

test.run();
