import { test } from "uvu";
import * as assert from "uvu/assert";
import { X509Certificate } from "node:crypto";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { apiVersion } from "../contracts/names.ts";
import { certificateBlocks } from "../runtime/pem.ts";
import { issueAuthority } from "../services/certs/x509.ts";
import {
  type ControllerBench,
  policyServer,
  startControllerBench,
  until,
  untilCondition,
} from "./controller-under-test.ts";
import { handMadeAuthority } from "./hand-made-authority.ts";

const server: ObjectRef = { apiVersion, kind: "PolicyServer", name: "default" };
const secret = (name: string): ObjectRef => ({ apiVersion: "v1", kind: "Secret", namespace: "kubewarden", name });
const [authorityRef, leafRef] = [secret("kubewarden-ca"), secret("policy-server-default")];
const webhook = (kind: "Validating" | "Mutating"): ObjectRef => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: `${kind}WebhookConfiguration`,
  name: `clusterwide-${kind.toLowerCase()}`,
});
const webhooks = [webhook("Validating"), webhook("Mutating")];

const certificateIn = (object: KubeObject | undefined, key: string) =>
  new X509Certificate(atob((object?.data as Record<string, string>)[key]!));
const bundleOf = (object: KubeObject | undefined) =>
  atob((object?.webhooks as { clientConfig: { caBundle: string } }[])[0]!.clientConfig.caBundle);
const trusts = (bundle: string, leaf: X509Certificate) =>
  certificateBlocks(bundle).some((pem) => leaf.verify(new X509Certificate(pem).publicKey));

/** Starts both controllers, and has a policy of each kind registered. */
async function registered(bench: ControllerBench): Promise<void> {
  const { kube } = bench;
  await bench.start("certs", ["--trust-settle-time", "500ms"]);
  await bench.start("webhook-registrar");
  const created = await kube.create(policyServer("default"));
  await untilCondition(kube, server, "CertSecretReconciled", "True");
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["endpoints"] }];
  for (const [name, mutating] of [["validating", false], ["mutating", true]] as const) {
    const policy: ObjectRef = { apiVersion, kind: "ClusterAdmissionPolicy", name };
    const { uid } = (await kube.create({
      ...{ apiVersion, kind: policy.kind, metadata: { name } },
      spec: { module: "file:///modules/policy.wasm", mutating, rules },
    })).metadata;
    // Plays the reconciler.
    await kube.apply({
      ...{ apiVersion, kind: policy.kind, metadata: { name, uid } },
      status: {
        conditions: [{
          type: "PolicyUniquelyReachable",
          status: "True",
          reason: "LatestReplicaSetIsUniquelyReachable",
          message: "",
          observedGeneration: 1,
          lastTransitionTime: "2030-01-01T00:00:00Z",
        }],
        servedBy: { policyServerUid: created.metadata.uid, configVersion: "v1" },
      },
    }, { fieldManager: "reconciler", subresource: "status", force: true });
    await untilCondition(kube, policy, "PolicyActive", "True");
  }
}

/** Waits until the present authority signed the serving certificate; at every look all webhooks must trust that one. */
async function untilSignedBy(kube: ControllerBench["kube"], authority: X509Certificate): Promise<void> {
  await until("a certificate of the new authority", async () => {
    // The certificate is read first: whoever signed it was trusted before.
    const leaf = certificateIn(await kube.get(leafRef), "tls.crt");
    for (const ref of webhooks) {
      assert.ok(trusts(bundleOf(await kube.get(ref)), leaf), `${ref.kind} distrusts its server`);
    }
    return leaf.verify(authority.publicKey);
  });
}

async function withBench(seed: number, use: (bench: ControllerBench) => Promise<void>): Promise<void> {
  const bench = await startControllerBench({ disturbances: true, seed });
  try {
    await use(bench);
  } finally {
    await bench.stop();
  }
}

/** The CA Secret as Helm makes it. */
const authoritySecret = (texts: Record<string, string>): KubeObject => ({
  ...{ apiVersion: "v1", kind: "Secret", type: "Opaque" },
  metadata: { name: "kubewarden-ca", namespace: "kubewarden" },
  data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, btoa(text)])),
});
const day = 86_400_000;

test("certs and webhook-registrar: a lost authority is replaced without a moment in which webhooks distrust their server", async () => {
  await withBench(11, async (bench) => {
    const { kube } = bench;
    await registered(bench);
    const former = certificateIn(await kube.get(authorityRef), "ca.crt");
    await kube.remove(authorityRef);
    const current = await until("a new authority", async () => {
      const found = await kube.get(authorityRef);
      return found && certificateIn(found, "ca.crt");
    });
    assert.is.not(current.fingerprint256, former.fingerprint256);
    await untilSignedBy(kube, current);
  });
});

test("certs and webhook-registrar: an authority that nears its end is replaced at the start, and all that it signed after it", async () => {
  await withBench(12, async (bench) => {
    const { kube } = bench;
    await registered(bench);
    const oldLeaf = certificateIn(await kube.get(leafRef), "tls.crt");
    const signedBy = certificateIn(await kube.get(authorityRef), "ca.crt");
    // Somebody puts one in place that has 60 days left: certs replaces it, and both stay trusted.
    const ending = await handMadeAuthority({
      now: new Date(Date.now() - 3590 * day),
      name: "kubewarden-controller-ca",
    });
    const texts = { "ca.crt": ending.certificate, "ca.key": ending.privateKey };
    const { data } = authoritySecret(texts);
    await kube.patch(authorityRef, { data: data as Record<string, string> }, { type: "merge" });
    const replaced = await until("the next authority", async () => {
      const found = await kube.get(authorityRef);
      const old = atob((found?.data as Record<string, string>)["old-ca.crt"] ?? "");
      return old.includes(ending.certificate) && found;
    });
    assert.ok(atob((replaced.data as Record<string, string>)["old-ca.crt"]!).includes(signedBy.toString()));
    const current = certificateIn(replaced, "ca.crt");
    await untilSignedBy(kube, current);
    for (const ref of webhooks) {
      const bundle = bundleOf(await kube.get(ref));
      assert.ok(bundle.startsWith(current.toString()) && bundle.includes(ending.certificate), ref.kind);
      assert.ok(trusts(bundle, oldLeaf), `${ref.kind} distrusts pods that still serve the former certificate`);
    }
  });
});

test("certs and webhook-registrar: a former authority that expires leaves the Secret and every webhook", async () => {
  await withBench(13, async (bench) => {
    const { kube } = bench;
    const current = await issueAuthority(new Date());
    const lapsing = await handMadeAuthority({ now: new Date(), days: 20_000 / day });
    await kube.create(authoritySecret({
      "ca.crt": current.certificate,
      "ca.key": current.privateKey,
      "old-ca.crt": lapsing.certificate,
    }));
    await registered(bench);
    await until("the present authority alone", async () => {
      const data = (await kube.get(authorityRef))?.data as Record<string, string>;
      const bundles = await Promise.all(webhooks.map(async (ref) => bundleOf(await kube.get(ref))));
      return data["old-ca.crt"] === undefined && bundles.every((each) => each === atob(data["ca.crt"]!));
    });
    assert.is(atob(((await kube.get(authorityRef))!.data as Record<string, string>)["ca.crt"]!), current.certificate);
  });
});

test.run();
