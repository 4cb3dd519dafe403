import { test } from "uvu";
import * as assert from "uvu/assert";
import { X509Certificate } from "node:crypto";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { apiVersion } from "../contracts/names.ts";
import { policyServer, startControllerBench, until, untilCondition } from "./controller-under-test.ts";

const server: ObjectRef = { apiVersion, kind: "PolicyServer", name: "default" };
const policy: ObjectRef = { apiVersion, kind: "ClusterAdmissionPolicy", name: "p" };
const secret = (name: string): ObjectRef => ({ apiVersion: "v1", kind: "Secret", namespace: "kubewarden", name });
const webhook: ObjectRef = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  name: "clusterwide-p",
};

const certificateIn = (object: KubeObject | undefined, key: string) =>
  new X509Certificate(atob((object?.data as Record<string, string>)[key]!));
const bundleOf = (object: KubeObject | undefined) =>
  atob((object?.webhooks as { clientConfig: { caBundle: string } }[])[0]!.clientConfig.caBundle);

test("certs and webhook-registrar: a lost authority is replaced without a moment in which webhooks distrust their server", async () => {
  const bench = await startControllerBench({ disturbances: true, seed: 11 });
  const { kube } = bench;
  try {
    await bench.start("certs", ["--trust-settle-time", "500ms"]);
    await bench.start("webhook-registrar");
    const created = await kube.create(policyServer("default"));
    await untilCondition(kube, server, "CertSecretReconciled", "True");
    const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["endpoints"] }];
    const { uid } = (await kube.create({
      ...{ apiVersion, kind: policy.kind, metadata: { name: policy.name } },
      spec: { module: "file:///modules/policy.wasm", mutating: false, rules },
    })).metadata;
    // Plays the reconciler.
    await kube.apply({
      ...{ apiVersion, kind: policy.kind, metadata: { name: policy.name, uid } },
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

    const former = certificateIn(await kube.get(secret("kubewarden-ca")), "ca.crt");
    await kube.remove(secret("kubewarden-ca"));
    const current = await until("a new authority", async () => {
      const found = await kube.get(secret("kubewarden-ca"));
      return found && certificateIn(found, "ca.crt");
    });
    assert.is.not(current.fingerprint256, former.fingerprint256);
    await until("a certificate of the new authority", async () => {
      // The certificate is read first: whoever signed it was trusted before.
      const leaf = certificateIn(await kube.get(secret("policy-server-default")), "tls.crt");
      const trusted = bundleOf(await kube.get(webhook)).match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g) ?? [];
      assert.ok(
        trusted.some((pem) => leaf.verify(new X509Certificate(pem).publicKey)),
        "the webhook distrusts its server",
      );
      return leaf.verify(current.publicKey);
    });
  } finally {
    await bench.stop();
  }
});

test.run();
