import { type Test, test as plain } from "uvu";
import * as assert from "uvu/assert";
import { generateKeyPairSync } from "node:crypto";
import { findCondition } from "../../contracts/conditions.ts";
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { apiVersion } from "../../contracts/names.ts";
import {
  confirmTrust,
  type ControllerBench,
  policyServer,
  startControllerBench,
  until,
  untilCondition,
} from "../../test/controller-under-test.ts";
import { handMadeAuthority } from "../../test/hand-made-authority.ts";
import { type CertifiedKey, secretText } from "./secrets.ts";
import { isSignedBy } from "./x509.ts";

/** An authority that others keep, in the Secret that cert-manager writes for a Certificate with `isCA: true`. */
const test = plain as Test<{ bench: ControllerBench }>;

const namespace = "kubewarden";
const secret = (name: string): ObjectRef => ({ apiVersion: "v1", kind: "Secret", namespace, name });
const [issued, authority] = [secret("kubewarden-ca-issued"), secret("kubewarden-ca")];
const [leaf, client] = [secret("policy-server-default"), secret("kubewarden-audit-scanner-client-cert")];
const server: ObjectRef = { apiVersion, kind: "PolicyServer", name: "default" };

// cert-manager's usual key.
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rsaKey = String(rsa.privateKey.export({ type: "pkcs1", format: "pem" }));
const day = 86_400_000, now = Date.now();
const quarter = (days: number) => ({ now: new Date(now - days * day), days: 90, name: "kubewarden-controller-ca" });
const first = await handMadeAuthority({ ...quarter(60), keys: rsa, privateKey: rsaKey });
const sameKey = await handMadeAuthority({ ...quarter(1), keys: rsa, privateKey: rsaKey });
const root = await handMadeAuthority({ now: new Date(now - day), name: "root" });
const otherKey = await handMadeAuthority({ ...quarter(0), issuer: root });

/** Plays cert-manager. */
async function issue({ kube }: ControllerBench, { certificate, privateKey }: CertifiedKey, ca = certificate) {
  const texts = { "tls.crt": certificate, "tls.key": privateKey, "ca.crt": ca };
  const object: KubeObject = {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: {
      ...{ name: issued.name, namespace },
      annotations: { "cert-manager.io/certificate-name": "kubewarden-ca", "cert-manager.io/issuer-kind": "Issuer" },
      labels: { "controller.cert-manager.io/fao": "true" },
    },
    data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, btoa(text)])),
  };
  await kube.apply(object, { fieldManager: "cert-manager", force: true });
}

const bundleOf = async ({ kube }: ControllerBench) =>
  ((await kube.get(server))?.status as { caBundle?: string } | undefined)?.caBundle ?? "";
const untilBundle = (bench: ControllerBench, wanted: string) =>
  until("the bundle", async () => await bundleOf(bench) === wanted);
const textOf = async ({ kube }: ControllerBench, ref: ObjectRef, key: string) => secretText(await kube.get(ref), key);

test.before(async (context) => {
  context.bench = await startControllerBench({ disturbances: true, seed: 3 });
  await context.bench.start("certs", ["--trust-settle-time", "100ms", "--provided-ca-secret", issued.name]);
});
test.after(async ({ bench }) => await bench.stop());

test("while it is missing nothing is issued in its place, and the condition says who has to do something", async ({ bench }) => {
  await bench.kube.create(policyServer("default"));
  const object = await untilCondition(bench.kube, server, "CARootSecretReconciled", "False");
  const { message } = findCondition(object, "CARootSecretReconciled")!;
  assert.match(message, 'Secret "kubewarden/kubewarden-ca-issued": no certificate authority to sign with');
  for (const ref of [authority, leaf, client]) assert.is(await bench.kube.get(ref), undefined, ref.name);
});

test("it signs serving and client certificates, and its certificate alone is copied to kubewarden-ca", async ({ bench }) => {
  await issue(bench, first);
  await untilCondition(bench.kube, server, "CertSecretReconciled", "True");
  await until("a client certificate", async () => await bench.kube.get(client));
  await untilBundle(bench, first.certificate);
  for (const ref of [leaf, client]) {
    assert.is(await isSignedBy((await textOf(bench, ref, "tls.crt"))!, first.certificate), true, ref.name);
  }
  assert.equal((await bench.kube.get(authority))!.data, { "ca.crt": btoa(first.certificate) });
  await confirmTrust(bench.kube);
});

test("renewed with the same key, both certificates are trusted and what was signed stays", async ({ bench }) => {
  const before = await textOf(bench, leaf, "tls.crt");
  await issue(bench, sameKey);
  await untilBundle(bench, sameKey.certificate + first.certificate);
  await confirmTrust(bench.kube);
  await untilCondition(bench.kube, server, "CertSecretReconciled", "True");
  assert.is(await textOf(bench, leaf, "tls.crt"), before);
});

test("renewed with another key, under an intermediate authority: signing waits for the webhooks, then all follow", async ({ bench }) => {
  const before = await textOf(bench, leaf, "tls.crt"), clientBefore = await textOf(bench, client, "tls.crt");
  await issue(bench, otherKey, root.certificate);
  const all = otherKey.certificate + root.certificate + sameKey.certificate + first.certificate;
  await untilBundle(bench, all);
  assert.is(await textOf(bench, authority, "ca.crt"), all);
  assert.is(await textOf(bench, leaf, "tls.crt"), before);
  assert.is(await textOf(bench, client, "tls.crt"), clientBefore);
  await confirmTrust(bench.kube);
  for (const ref of [leaf, client]) {
    await until(
      `${ref.name} of the new authority`,
      async () => await isSignedBy((await textOf(bench, ref, "tls.crt"))!, otherKey.certificate),
    );
  }
});

test("damaged, it is told and left alone, and what it signed stays good", async ({ bench }) => {
  const before = await bundleOf(bench);
  await bench.kube.patch(issued, { data: { "tls.key": btoa("no key") } }, { type: "merge" });
  const object = await untilCondition(bench.kube, server, "CARootSecretReconciled", "False");
  assert.match(findCondition(object, "CARootSecretReconciled")!.message, "tls.key is not the key of tls.crt");
  assert.is(findCondition(object, "CertSecretReconciled")!.status, "True");
  assert.is(await bundleOf(bench), before);
  assert.is(await textOf(bench, issued, "tls.key"), "no key");
});

test.run();
