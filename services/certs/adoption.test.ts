import { type Test, test as plain } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { findCondition } from "../../contracts/conditions.ts";
import { apiVersion } from "../../contracts/names.ts";
import {
  type ControllerBench,
  policyServer,
  startControllerBench,
  until,
  untilCondition,
} from "../../test/controller-under-test.ts";
import { handMadeAuthority } from "../../test/hand-made-authority.ts";
import { type CertifiedKey, secretText } from "./secrets.ts";
import { auditClientName, isSignedBy, issueAuthority, issueLeaf } from "./x509.ts";

/** Secrets that Helm and upstream's controller left behind: reference/controller.md 4.1 and 4.3. */
const test = plain as Test<{ bench: ControllerBench; before: Map<string, KubeObject> }>;

const namespace = "kubewarden";
const secret = (name: string): ObjectRef => ({ apiVersion: "v1", kind: "Secret", namespace, name });
const server = (name: string): ObjectRef => ({ apiVersion, kind: "PolicyServer", name });
const chartLabels = {
  "app.kubernetes.io/component": "controller",
  "app.kubernetes.io/instance": "kubewarden-controller",
  "app.kubernetes.io/managed-by": "Helm",
  "app.kubernetes.io/name": "kubewarden-controller",
  "app.kubernetes.io/part-of": "kubewarden",
  "helm.sh/chart": "kubewarden-controller-5.14.0",
};
const ago = (days: number) => new Date(Date.now() - days * 86_400_000);

const encoded = (texts: Record<string, string>) =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, btoa(text)]));
const helmSecret = (name: string, texts: Record<string, string>): KubeObject => ({
  ...{ apiVersion: "v1", kind: "Secret", type: "Opaque", data: encoded(texts) },
  metadata: {
    ...{ name, namespace, labels: chartLabels },
    annotations: { "meta.helm.sh/release-name": "kubewarden-controller", "helm.sh/resource-policy": "keep" },
  },
});
const servingSecret = (name: string, uid: string, leaf: Partial<CertifiedKey>, annotated = true): KubeObject => ({
  ...{ apiVersion: "v1", kind: "Secret", type: "Opaque" },
  data: encoded({ "tls.crt": leaf.certificate ?? "", "tls.key": leaf.privateKey ?? "" }),
  metadata: {
    ...{ name: `policy-server-${name}`, namespace },
    labels: annotated
      ? { "app.kubernetes.io/part-of": "kubewarden", "app.kubernetes.io/component": "policy-server" }
      : { "app.kubernetes.io/managed-by": "someone" },
    annotations: annotated ? { "kubewarden.io/cert-format-version": "1" } : {},
    // As controller-runtime sets it.
    ownerReferences: [{ apiVersion, kind: "PolicyServer", name, uid, controller: true, blockOwnerDeletion: true }],
  },
});
const dnsName = (name: string) => `policy-server-${name}.kubewarden.svc`;
const [former, authority] = [await handMadeAuthority({ now: ago(3600) }), await issueAuthority(ago(200))];

test.before(async (context) => {
  const bench = await startControllerBench({ disturbances: true, seed: 5 });
  context.bench = bench;
  const { kube } = bench;
  const names = ["good", "ending", "old-format", "frozen", "damaged"];
  const uids: Record<string, string> = {};
  for (const name of names) uids[name] = (await kube.create(policyServer(name))).metadata.uid!;
  const leafOf = (name: string, age = 200) => issueLeaf({ authority, dnsName: dnsName(name), now: ago(age) });
  const client = await issueLeaf({ authority: former, clientName: auditClientName, now: ago(200) });
  const webhookServer = await issueLeaf({
    authority,
    dnsName: "kubewarden-controller-webhook-service.kubewarden.svc",
    now: ago(300),
  });
  const objects = [
    helmSecret("kubewarden-ca", {
      "ca.crt": authority.certificate,
      "ca.key": authority.privateKey,
      "old-ca.crt": former.certificate,
    }),
    helmSecret("kubewarden-webhook-server-cert", {
      "tls.crt": webhookServer.certificate,
      "tls.key": webhookServer.privateKey,
    }),
    helmSecret("kubewarden-audit-scanner-client-cert", { "tls.crt": client.certificate, "tls.key": client.privateKey }),
    servingSecret("good", uids.good!, await leafOf("good")),
    servingSecret("ending", uids.ending!, await leafOf("ending", 305)),
    servingSecret("old-format", uids["old-format"]!, await leafOf("old-format"), false),
    { ...servingSecret("frozen", uids.frozen!, { certificate: "not one" }), immutable: true },
    servingSecret("damaged", uids.damaged!, { ...await leafOf("damaged"), privateKey: "" }),
  ];
  context.before = new Map();
  for (const each of objects) context.before.set(each.metadata.name, await kube.create(each));
  await bench.start("certs", ["--trust-settle-time", "1h"]);
  for (const name of names.filter((each) => each !== "frozen")) {
    await untilCondition(kube, server(name), "CertSecretReconciled", "True");
  }
});
test.after(async ({ bench }) => await bench.stop());

test("what is good is taken over as it stands, to the byte and with all that others wrote on it", async ({ bench, before }) => {
  for (const name of ["kubewarden-ca", "policy-server-good", "kubewarden-audit-scanner-client-cert"]) {
    const [was, is] = [before.get(name)!, (await bench.kube.get(secret(name)))!];
    assert.equal(is.data, was.data, name);
    assert.is(is.metadata.resourceVersion, was.metadata.resourceVersion, name);
  }
  const { status } = (await bench.kube.get(server("good")))!;
  assert.is((status as { caBundle?: string }).caBundle, authority.certificate + former.certificate);
});

test("the serving certificate of upstream's own webhooks is left alone, though it is near its end", async ({ bench, before }) => {
  const name = "kubewarden-webhook-server-cert";
  assert.equal(await bench.kube.get(secret(name)), before.get(name));
});

test("a serving certificate that has 60 days left is renewed by the same authority at the start", async ({ bench, before }) => {
  const renewed = await until("another certificate", async () => {
    const found = secretText(await bench.kube.get(secret("policy-server-ending")), "tls.crt");
    return found !== secretText(before.get("policy-server-ending"), "tls.crt") && found;
  });
  assert.is(await isSignedBy(renewed, authority.certificate), true);
});

test("a serving Secret without the annotation of its format is made anew, annotated and labelled", async ({ bench, before }) => {
  const is = (await bench.kube.get(secret("policy-server-old-format")))!;
  assert.is.not(secretText(is, "tls.crt"), secretText(before.get("policy-server-old-format"), "tls.crt"));
  assert.is(await isSignedBy(secretText(is, "tls.crt")!, authority.certificate), true);
  assert.is(is.metadata.annotations?.["kubewarden.io/cert-format-version"], "1");
  assert.equal(is.metadata.labels, {
    "app.kubernetes.io/managed-by": "someone",
    "app.kubernetes.io/part-of": "kubewarden",
    "app.kubernetes.io/component": "policy-server",
  });
  assert.is(is.metadata.ownerReferences?.length, 1);
});

test("one that cannot be mended is a condition of its own server in the API server's words, and stops no other", async ({ bench }) => {
  const { kube } = bench;
  const found = await until("the refusal in the condition", async () => {
    const condition = findCondition((await kube.get(server("frozen")))!, "CertSecretReconciled");
    return /immutable/.test(condition?.message ?? "") && condition;
  });
  assert.equal([found.status, found.reason], ["False", "ReconciliationFailed"]);
  await untilCondition(kube, server("frozen"), "CARootSecretReconciled", "True");
  const damaged = (await kube.get(secret("policy-server-damaged")))!;
  assert.match(secretText(damaged, "tls.key")!, "BEGIN EC PRIVATE KEY");
});

test.run();
