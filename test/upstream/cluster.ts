import type { KubeObject, OwnerReference } from "../contracts/kubernetes.ts";
import { apiVersion, policyKindNames } from "../contracts/names.ts";
import { eventually } from "../local-cluster/testing/observe.ts";
import type { Kube } from "../runtime/kube/kube.ts";
import { issueAuthority, issueLeaf } from "../services/certs/x509.ts";
import { renderKustomization } from "../tools/kustomize.ts";

/** What upstream's charts and its controller leave in a cluster: reference/controller.md 2.1, 3, 4.1, 5.4, 7. */
export const namespace = "kubewarden";
export const upstreamImage = "ghcr.io/kubewarden/policy-server:v1.36.0";
export const upstreamController = "kubewarden-controller";
/** Field manager of upstream's controller. */
const manager = "controller";
const helm = {
  labels: {
    "app.kubernetes.io/component": "controller",
    "app.kubernetes.io/managed-by": "Helm",
    "app.kubernetes.io/part-of": "kubewarden",
  },
  annotations: { "meta.helm.sh/release-name": "kubewarden-controller", "meta.helm.sh/release-namespace": namespace },
};
const partOf = { "app.kubernetes.io/part-of": "kubewarden" };
const common = {
  "app.kubernetes.io/component": "policy-server",
  "app.kubernetes.io/instance": "policy-server-default",
  "app.kubernetes.io/managed-by": "kubewarden-controller",
  "app.kubernetes.io/part-of": "kubewarden",
};
const finalizers = ["kubewarden.io/finalizer"];
const webhookVersion = "admissionregistration.k8s.io/v1";
const inNamespace = (name: string, more: object = {}) => ({ name, namespace, ...more });

type Options = { crds: string; module: string; insecureSource: string };

/** Creates all of it: one PolicyServer, a validating and a mutating policy, both active. */
export async function fillAsUpstream(kube: Kube, { crds, module, insecureSource }: Options): Promise<void> {
  const make = (object: unknown, fieldManager = manager) => kube.create(object as KubeObject, { fieldManager });
  await make({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, "helm");
  await makeDefinitions(kube, crds);
  await makeController(make);
  const authority = await issueAuthority(new Date());
  const certificate = { authority, dnsName: "policy-server-default.kubewarden.svc", now: new Date() };
  const leaf = await issueLeaf(certificate);
  await make({
    apiVersion: "v1",
    kind: "Secret",
    metadata: inNamespace("kubewarden-ca", helm),
    stringData: { "ca.crt": authority.certificate, "ca.key": authority.privateKey },
  }, "helm");
  for (const name of ["kubewarden-webhook-server-cert", "kubewarden-audit-scanner-client-cert"]) {
    const { certificate, privateKey } = await issueLeaf({ authority, dnsName: name, now: new Date() });
    const stringData = { "tls.crt": certificate, "tls.key": privateKey };
    await make({ apiVersion: "v1", kind: "Secret", metadata: inNamespace(name, helm), stringData }, "helm");
  }
  const server = await make({
    apiVersion,
    kind: "PolicyServer",
    metadata: { name: "default", finalizers },
    spec: {
      image: upstreamImage,
      replicas: 1,
      serviceAccountName: "policy-server",
      insecureSources: [insecureSource],
      env: [{ name: "KUBEWARDEN_LOG_LEVEL", value: "info" }, { name: "OF_OLD", value: "yes" }],
    },
  }, "helm");
  const ownerReferences = [{ apiVersion, kind: "PolicyServer", name: "default", uid: server.metadata.uid ?? "" }];
  await make({
    apiVersion: "v1",
    kind: "Secret",
    metadata: inNamespace("policy-server-default", {
      labels: { ...partOf, "app.kubernetes.io/component": "policy-server" },
      annotations: { "kubewarden.io/cert-format-version": "1" },
      ownerReferences,
    }),
    stringData: { "tls.crt": leaf.certificate, "tls.key": leaf.privateKey },
  });
  await makeServer(make, { ownerReferences, module, insecureSource });
  for (const mutating of [false, true]) await makePolicy(make, kube, { module, mutating, ca: authority.certificate });
  await makeOwnWebhooks(make, authority.certificate);
}

type Make = (object: unknown, fieldManager?: string) => Promise<KubeObject>;

/** Ours without the rules, and with the older version that upstream still serves. */
async function makeDefinitions(kube: Kube, folder: string): Promise<void> {
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

async function makeController(make: Make): Promise<void> {
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

type ServerParts = { ownerReferences: OwnerReference[]; module: string; insecureSource: string };

async function makeServer(make: Make, { ownerReferences, module, insecureSource }: ServerParts): Promise<void> {
  const entry = (name: string, allowedToMutate: boolean) => ({
    namespacedName: { Namespace: "", Name: name },
    module,
    policyMode: "protect",
    allowedToMutate,
    settings: null,
    hostCapabilities: ["*"],
  });
  const policies = { "clusterwide-changes": entry("changes", true), "clusterwide-checks": entry("checks", false) };
  const name = "policy-server-default";
  const labels = { "kubewarden/policy-server": "default" };
  const configMap = await make({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: inNamespace(name, { labels, ownerReferences }),
    data: {
      "policies.yml": JSON.stringify(policies),
      "sources.yml": JSON.stringify({ insecure_sources: [insecureSource] }),
    },
  });
  const version = configMap.metadata.resourceVersion ?? "";
  const app = { app: "kubewarden-policy-server-default" };
  await make({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: inNamespace(name, {
      labels: { ...labels, ...common },
      annotations: {
        "kubewarden/config-version": version,
        "kubewarden.io/managed-annotation-keys": "",
        "kubewarden.io/managed-label-keys": "",
      },
      ownerReferences,
    }),
    spec: {
      replicas: 1,
      selector: { matchLabels: app },
      strategy: { type: "RollingUpdate" },
      template: {
        metadata: { labels: { ...app, "kubewarden/config-version": version, ...labels, ...common } },
        spec: podSpec(name),
      },
    },
  });
  await make({
    apiVersion: "v1",
    kind: "Service",
    metadata: inNamespace(name, { labels: { ...labels, ...common }, ownerReferences }),
    spec: {
      selector: { "app.kubernetes.io/instance": name, "app.kubernetes.io/part-of": "kubewarden" },
      ports: [{ name: "policy-server", port: 443, protocol: "TCP", targetPort: 8443 }],
    },
  });
}

function podSpec(name: string) {
  return {
    serviceAccountName: "policy-server",
    affinity: {},
    securityContext: { seccompProfile: { type: "RuntimeDefault" } },
    volumes: [
      { name: "policy-store", emptyDir: {} },
      { name: "certs", secret: { secretName: name } },
      { name: "policies", configMap: { name, items: [{ key: "policies.yml", path: "policies.yml" }] } },
      { name: "sources", configMap: { name } },
    ],
    containers: [{
      name,
      image: upstreamImage,
      env: [
        { name: "KUBEWARDEN_CERT_FILE", value: "/pki/tls.crt" },
        { name: "KUBEWARDEN_KEY_FILE", value: "/pki/tls.key" },
        { name: "KUBEWARDEN_PORT", value: "8443" },
        { name: "KUBEWARDEN_READINESS_PROBE_PORT", value: "8081" },
        { name: "KUBEWARDEN_POLICIES_DOWNLOAD_DIR", value: "/tmp" },
        { name: "KUBEWARDEN_POLICIES", value: "/config/policies.yml" },
        { name: "KUBEWARDEN_SIGSTORE_CACHE_DIR", value: "/tmp/sigstore-data" },
        { name: "KUBEWARDEN_LOG_LEVEL", value: "info" },
        { name: "OF_OLD", value: "yes" },
        { name: "KUBEWARDEN_SOURCES_PATH", value: "/sources/sources.yml" },
      ],
      volumeMounts: [
        { name: "policy-store", mountPath: "/tmp" },
        { name: "certs", mountPath: "/pki", readOnly: true },
        { name: "policies", mountPath: "/config", readOnly: true },
        { name: "sources", mountPath: "/sources", readOnly: true },
      ],
      readinessProbe: { httpGet: { path: "/readiness", port: 8081, scheme: "HTTP" } },
      securityContext: {
        readOnlyRootFilesystem: true,
        privileged: false,
        allowPrivilegeEscalation: false,
        runAsNonRoot: true,
        capabilities: { drop: ["ALL"] },
      },
    }],
  };
}

async function makePolicy(
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

/** The webhooks that ask the controller about its own kinds. Whoever stops it must remove them. */
async function makeOwnWebhooks(make: Make, ca: string): Promise<void> {
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
