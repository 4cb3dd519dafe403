import type { KubeObject } from "../../contracts/kubernetes.ts";
import { apiVersion, policyKindNames } from "../../contracts/names.ts";
import { eventually } from "../../local-cluster/testing/observe.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import { renderKustomization } from "../../tools/kustomize.ts";
import { inNamespace, type Make, namespace, webhookVersion } from "./make.ts";

/** What upstream's charts install: reference/controller.md 2.1, 7. */
export const upstreamController = "kubewarden-controller";
export const helm = {
  labels: {
    "app.kubernetes.io/component": "controller",
    "app.kubernetes.io/managed-by": "Helm",
    "app.kubernetes.io/part-of": "kubewarden",
  },
  annotations: { "meta.helm.sh/release-name": "kubewarden-controller", "meta.helm.sh/release-namespace": namespace },
};

/** Ours without the rules, and with the older version that upstream still serves. */
export async function makeDefinitions(kube: Kube, folder: string): Promise<void> {
  const isDefinition = ({ kind }: KubeObject) => kind === "CustomResourceDefinition";
  for (const crd of (await renderKustomization(folder)).filter(isDefinition)) {
    const spec = withoutRules(crd.spec) as { versions: Record<string, unknown>[] };
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const old = { name: "v1alpha2", served: true, storage: false, schema, subresources: { status: {} } };
    const metadata = { name: crd.metadata.name, annotations: helm.annotations };
    await kube.create({ ...crd, metadata, spec: { ...spec, versions: [...spec.versions, old] } }, {
      fieldManager: "helm",
    });
    const stored = { status: { storedVersions: ["v1alpha2", "v1"] } };
    await kube.patch({ apiVersion: crd.apiVersion, kind: crd.kind, name: crd.metadata.name }, stored, {
      type: "merge",
      subresource: "status",
    });
  }
  // Served a moment later.
  for (const kind of ["PolicyServer", ...policyKindNames]) {
    const isServed = () => kube.list({ apiVersion, kind }).then(() => true, () => false);
    await eventually(`${kind} is served`, isServed);
  }
}

function withoutRules(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRules);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== "x-kubernetes-validations");
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutRules(each)]));
}

/** The controller, what it is reached by, and Helm's memory of it. */
export async function makeController(make: Make): Promise<void> {
  const labels = { ...helm.labels, "app.kubernetes.io/name": "kubewarden-controller" };
  await make({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: inNamespace(upstreamController, helm),
    spec: {
      replicas: 1,
      selector: { matchLabels: { "app.kubernetes.io/name": "kubewarden-controller" } },
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: "manager", image: "ghcr.io/kubewarden/kubewarden-controller:v1.36.0" }],
        },
      },
    },
  }, "helm");
  await make({
    apiVersion: "v1",
    kind: "Service",
    metadata: inNamespace("kubewarden-controller-webhook-service", helm),
    spec: { selector: { "app.kubernetes.io/name": "kubewarden-controller" }, ports: [{ port: 443, targetPort: 9443 }] },
  }, "helm");
  await make({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: inNamespace("policy-server", { annotations: helm.annotations }),
  }, "helm");
  await make({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: inNamespace("a4ddbf36.kubewarden.io"),
    spec: {},
  });
  await make({
    apiVersion: "v1",
    kind: "Secret",
    type: "helm.sh/release.v1",
    metadata: inNamespace("sh.helm.release.v1.kubewarden-controller.v1", {
      labels: { owner: "helm", name: "kubewarden-controller", status: "deployed" },
    }),
  }, "helm");
}

/** The webhooks that ask the controller about its own kinds. Whoever stops it must remove them. */
export async function makeOwnWebhooks(make: Make, ca: string): Promise<void> {
  const kinds = ["policyservers", "clusteradmissionpolicies", "admissionpolicies"];
  for (
    const [kind, word] of [["ValidatingWebhookConfiguration", "validating"], [
      "MutatingWebhookConfiguration",
      "mutating",
    ]]
  ) {
    await make({
      apiVersion: webhookVersion,
      kind,
      metadata: { name: `kubewarden-controller-${word}-webhook-configuration`, ...helm },
      webhooks: kinds.map((plural) => ({
        name: `${word?.[0]}${plural}.kb.io`,
        clientConfig: {
          service: { namespace, name: "kubewarden-controller-webhook-service", path: `/${word}-${plural}`, port: 443 },
          caBundle: btoa(ca),
        },
        rules: [{
          apiGroups: ["policies.kubewarden.io"],
          apiVersions: ["v1"],
          operations: ["CREATE", "UPDATE"],
          resources: [plural],
        }],
        failurePolicy: "Fail",
        sideEffects: "None",
        admissionReviewVersions: ["v1", "v1beta1"],
      })),
    }, "helm");
  }
}
