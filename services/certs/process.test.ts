import { type Test, test as plain } from "uvu";
import * as assert from "uvu/assert";
import { X509Certificate } from "node:crypto";
import {
  confirmTrust,
  type ControllerBench,
  policyServer,
  startControllerBench,
  until,
  untilCondition,
} from "../../test/controller-under-test.ts";
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { apiVersion } from "../../contracts/names.ts";
import { secretText } from "./secrets.ts";

const test = plain as Test<{ bench: ControllerBench; kill: (signal?: NodeJS.Signals) => Promise<number | null> }>;
const server: ObjectRef = { apiVersion, kind: "PolicyServer", name: "default" };
const secret = (name: string): ObjectRef => ({ apiVersion: "v1", kind: "Secret", namespace: "kubewarden", name });
const authority = secret("kubewarden-ca"), leaf = secret("policy-server-default");
const client = secret("kubewarden-audit-scanner-client-cert");

const certificateOf = (object: KubeObject | undefined, key: string) =>
  new X509Certificate(secretText(object, key) ?? "");
const bundleOf = (object: KubeObject) => (object.status as { caBundle?: string }).caBundle ?? "";

test.before(async (context) => {
  context.bench = await startControllerBench({ disturbances: true });
});
test.after(async ({ bench }) => await bench.stop());

test("authority and client certificate are there before any PolicyServer, and are made good", async (context) => {
  const { bench } = context;
  const { kube } = bench;
  context.kill = await bench.start("certs", ["--trust-settle-time", "100ms"]);
  const first = await until("a client certificate", () => kube.get(client));
  const certificate = certificateOf(first, "tls.crt");
  assert.ok(certificate.verify(certificateOf(await kube.get(authority), "ca.crt").publicKey));
  assert.equal([certificate.subject, certificate.subjectAltName], ["CN=audit-scanner-client", undefined]);
  assert.equal([first.type, first.metadata.labels], ["Opaque", { "app.kubernetes.io/part-of": "kubewarden" }]);
  await kube.remove(client);
  const second = await until("another one", () => kube.get(client));
  await kube.patch(client, { data: { "tls.crt": btoa("damaged") }, metadata: { labels: null } }, { type: "merge" });
  const third = await until("a third one, with its label", async () => {
    const found = await kube.get(client);
    return secretText(found, "tls.crt") !== "damaged" && found?.metadata.labels ? found : undefined;
  });
  assert.is(new Set([first, second, third].map((each) => secretText(each, "tls.crt"))).size, 3);
});

test("a PolicyServer gets its Secrets, its bundle and both conditions", async ({ bench }) => {
  const { kube } = bench;
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
  assert.equal(Object.keys(serving!.data as object).sort(), ["tls.crt", "tls.key"]);
  assert.is(serving!.metadata.annotations!["kubewarden.io/cert-format-version"], "1");
  await confirmTrust(bench.kube);
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
  // Audit scanners and mutual TLS go by ca.crt: it names both as well.
  assert.is(after, secretText(await kube.get(authority), "ca.crt"));
  assert.is(secretText(await kube.get(leaf), "tls.crt"), served);
  await confirmTrust(bench.kube);
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
