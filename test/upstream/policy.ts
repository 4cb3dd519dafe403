import { apiVersion } from "../../contracts/names.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import { finalizers, type Make, manager, namespace, partOf, webhookVersion } from "./make.ts";

/** An active policy on PolicyServer `default`, with its webhook: reference/controller.md 5.4. */
export async function makePolicy(
  make: Make,
  kube: Kube,
  { module, mutating, ca }: { module: string; mutating: boolean; ca: string },
): Promise<void> {
  const name = mutating ? "changes" : "checks", unique = `clusterwide-${name}`;
  const rules = [{ apiGroups: ["example.com"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["things"] }];
  const { apiVersion: version, kind, metadata } = await make({
    apiVersion,
    kind: "ClusterAdmissionPolicy",
    metadata: { name, finalizers },
    spec: { module, mutating, rules, policyServer: "default" },
  }, "kubectl");
  const status = { policyStatus: "active", mode: "protect" };
  await kube.patch({ apiVersion: version, kind, name: metadata.name }, { status }, {
    type: "merge",
    subresource: "status",
    fieldManager: manager,
  });
  await make({
    apiVersion: webhookVersion,
    kind: mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration",
    metadata: {
      name: unique,
      labels: partOf,
      annotations: { kubewardenPolicyName: name, kubewardenPolicyNamespace: "" },
    },
    webhooks: [{
      name: `${unique}.kubewarden.admission`,
      clientConfig: {
        service: { namespace, name: "policy-server-default", path: `/validate/${unique}`, port: 443 },
        caBundle: btoa(ca),
      },
      rules,
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      namespaceSelector: {
        matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: [namespace] }],
      },
    }],
  });
}
