import { test } from "uvu";
import * as assert from "uvu/assert";
import { upstreamContainer, upstreamLabels, upstreamPod } from "../../../test/upstream/pod.ts";
import type { Settings } from "../settings.ts";
import { policyServer, settings } from "../test-objects.ts";
import { deploymentFor } from "./deployment.ts";

type Named = { name: string; [key: string]: unknown };
type Shape = {
  metadata: { labels: object; annotations: object; ownerReferences: object[] };
  spec: {
    replicas: number;
    selector: object;
    template: {
      metadata: { labels: Record<string, string>; annotations?: object };
      spec: {
        volumes: Named[];
        containers: { env: Named[]; volumeMounts: Named[]; [key: string]: unknown }[];
        [key: string]: unknown;
      };
    };
  };
};

function deploymentOf(spec: object = {}, more: Partial<Settings> = {}) {
  const options = { settings: { ...settings, ...more }, version: "v1", image: "image:1", replicas: 1 };
  const deployment = deploymentFor(policyServer(spec), options) as unknown as Shape;
  const { template } = deployment.spec;
  return { deployment, template, pod: template.spec, container: template.spec.containers[0]! };
}

test("deployment: as upstream's for a PolicyServer that sets nothing (IT-4, IT-17, IT-26)", () => {
  const { deployment } = deploymentOf();
  assert.equal(deployment, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "policy-server-default",
      namespace: "kubewarden",
      labels: upstreamLabels,
      annotations: { "kubewarden/config-version": "v1", "kubewarden.io/applied-replicas": "1" },
      ownerReferences: [{
        apiVersion: "policies.kubewarden.io/v1",
        kind: "PolicyServer",
        name: "default",
        uid: "server-uid",
      }],
    },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "kubewarden-policy-server-default" } },
      strategy: { type: "RollingUpdate" },
      template: {
        metadata: {
          labels: {
            ...upstreamLabels,
            app: "kubewarden-policy-server-default",
            "kubewarden/config-version": "v1",
          },
        },
        spec: {
          ...upstreamPod,
          dnsPolicy: "ClusterFirst",
          volumes: [
            { name: "policy-store", emptyDir: {} },
            { name: "certs", secret: { secretName: "policy-server-default" } },
            {
              name: "policies",
              configMap: { name: "policy-server-default-v1", items: [{ key: "policies.yml", path: "policies.yml" }] },
            },
          ],
          containers: [{
            ...upstreamContainer,
            name: "policy-server-default",
            image: "image:1",
            resources: {},
          }],
        },
      },
    },
  });
});

const tolerations = [{ key: "k", operator: "Exists", effect: "NoSchedule" }];
const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } };
for (
  const [title, spec, at, wanted] of [
    ["tolerations (IT-1)", { tolerations }, "tolerations", tolerations],
    ["affinity (IT-2)", { affinity: { nodeAffinity } }, "affinity", { nodeAffinity }],
    ["priorityClassName (IT-3)", { priorityClassName: "high" }, "priorityClassName", "high"],
    ["serviceAccountName (IT-29)", { serviceAccountName: "sa" }, "serviceAccountName", "sa"],
    ["an empty serviceAccountName is none", { serviceAccountName: "" }, "serviceAccountName", undefined],
    ["pod security context (IT-5)", { securityContexts: { pod: { runAsUser: 7 } } }, "securityContext", {
      runAsUser: 7,
    }],
    [
      "a container security context alone leaves the pod's default",
      { securityContexts: { container: {} } },
      "securityContext",
      { seccompProfile: { type: "RuntimeDefault" } },
    ],
  ] as [string, object, string, unknown][]
) {
  test(`deployment: the pod has ${title}`, () => assert.equal(deploymentOf(spec).pod[at], wanted));
}

for (
  const [title, spec, at, wanted] of [
    ["resources (IT-14, IT-15)", { limits: { cpu: "1" }, requests: { cpu: "500m" } }, "resources", {
      limits: { cpu: "1" },
      requests: { cpu: "500m" },
    }],
    ["security context (IT-5)", { securityContexts: { container: { privileged: false } } }, "securityContext", {
      privileged: false,
    }],
    ["probe port (IT-16)", { readinessProbePort: 9081 }, "readinessProbe", {
      httpGet: { path: "/readiness", port: 9081, scheme: "HTTP" },
    }],
  ] as [string, object, string, unknown][]
) {
  test(`deployment: the container has ${title}`, () => assert.equal(deploymentOf(spec).container[at], wanted));
}

test("deployment: ports reach the environment (IT-16)", () => {
  const { env } = deploymentOf({ webhookPort: 9443, readinessProbePort: 9081 }).container;
  assert.is(env.find(({ name }) => name === "KUBEWARDEN_PORT")?.value, "9443");
  assert.is(env.find(({ name }) => name === "KUBEWARDEN_READINESS_PROBE_PORT")?.value, "9081");
});

test("deployment: labels of the spec on Deployment and pods, system labels win (IT-22)", () => {
  const labels = { team: "a", "kubewarden/policy-server": "other", "app.kubernetes.io/managed-by": "me", app: "mine" };
  const { deployment, template } = deploymentOf({ labels });
  assert.equal(deployment.metadata.labels, { app: "mine", team: "a", ...upstreamLabels });
  assert.equal(template.metadata.labels, {
    team: "a",
    ...upstreamLabels,
    app: "kubewarden-policy-server-default",
    "kubewarden/config-version": "v1",
  });
});

test("deployment: annotations of the spec on both, exactly those on pods (IT-23, IT-29)", () => {
  const annotations = { note: "x", "kubewarden/config-version": "mine" };
  const { deployment, template } = deploymentOf({ annotations });
  assert.equal(deployment.metadata.annotations, {
    note: "x",
    "kubewarden/config-version": "v1",
    "kubewarden.io/applied-replicas": "1",
  });
  assert.equal(template.metadata.annotations, annotations);
});

test("deployment: variables of the spec follow ours and replace what has the same name", () => {
  const env = [{ name: "A", value: "1" }, { name: "KUBEWARDEN_POLICIES", value: "/x" }, { name: "A", value: "2" }];
  const names = deploymentOf({ env }).container.env.map(({ name, value }) => `${name}=${value}`);
  assert.equal(names.slice(-3), ["KUBEWARDEN_SIGSTORE_CACHE_DIR=/tmp/sigstore-data", "KUBEWARDEN_POLICIES=/x", "A=2"]);
  assert.is(names.filter((each) => each.startsWith("KUBEWARDEN_POLICIES=")).length, 1);
});

test("deployment: the always-accept namespace only by flag", () => {
  const names = (alwaysAcceptNamespace: boolean) =>
    deploymentOf({}, { alwaysAcceptNamespace }).container.env.filter(({ name }) => /ALWAYS_ACCEPT/.test(name));
  assert.equal(names(false), []);
  assert.equal(names(true), [{
    name: "KUBEWARDEN_ALWAYS_ACCEPT_ADMISSION_REVIEWS_ON_NAMESPACE",
    value: "kubewarden",
  }]);
});

const oneFile = (name: string, key: string, path: string) => ({ configMap: { name, items: [{ key, path }] } });
for (
  const [title, spec, volume, mountPath, variable] of [
    [
      "verificationConfig",
      { verificationConfig: "vc" },
      { name: "verification", ...oneFile("vc", "verification-config", "verification.yml") },
      "/verification",
      { name: "KUBEWARDEN_VERIFICATION_CONFIG_PATH", value: "/verification/verification.yml" },
    ],
    [
      "sigstoreTrustConfig (IT-28)",
      { sigstoreTrustConfig: "tc" },
      { name: "sigstore-trust-config", ...oneFile("tc", "sigstore-trust-config", "sigstore-trust-config.json") },
      "/sigstore-trust",
      { name: "KUBEWARDEN_SIGSTORE_TRUST_CONFIG_PATH", value: "/sigstore-trust/sigstore-trust-config.json" },
    ],
    [
      "imagePullSecret (IT-30)",
      { imagePullSecret: "ps" },
      {
        name: "imagepullsecret",
        secret: { secretName: "ps", items: [{ key: ".dockerconfigjson", path: "config.json" }] },
      },
      "/home/kubewarden/.docker",
      { name: "KUBEWARDEN_DOCKER_CONFIG_JSON_PATH", value: "/home/kubewarden/.docker" },
    ],
    [
      "insecureSources",
      { insecureSources: ["localhost:5000"] },
      { name: "sources", configMap: { name: "policy-server-default-v1" } },
      "/sources",
      { name: "KUBEWARDEN_SOURCES_PATH", value: "/sources/sources.yml" },
    ],
    [
      "sourceAuthorities",
      { sourceAuthorities: { "host:5000": ["pem"] } },
      { name: "sources", configMap: { name: "policy-server-default-v1" } },
      "/sources",
      { name: "KUBEWARDEN_SOURCES_PATH", value: "/sources/sources.yml" },
    ],
  ] as [string, object, Named, string, Named][]
) {
  test(`deployment: ${title} is mounted and named`, () => {
    const { pod, container } = deploymentOf(spec);
    assert.equal(pod.volumes.at(-1), volume);
    assert.equal(container.volumeMounts.at(-1), { name: volume.name, mountPath, readOnly: true });
    assert.equal(container.env.at(-1), variable);
    assert.is(pod.imagePullSecrets, undefined);
  });
}

test("deployment: image pull secrets come from the flag and are not mounted (IT-30)", () => {
  const { pod } = deploymentOf({}, { imagePullSecrets: ["a", "b"] });
  assert.equal(pod.imagePullSecrets, [{ name: "a" }, { name: "b" }]);
  assert.is(pod.volumes.length, 3);
});

test("deployment: mutual TLS mounts both authorities and names them (IT-21)", () => {
  const { pod, container } = deploymentOf({}, { clientCaConfigMap: "client-ca" });
  assert.equal(pod.volumes.slice(-2), [
    { name: "kubewarden-ca-cert", secret: { secretName: "kubewarden-ca", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    { name: "client-ca-cert", ...oneFile("client-ca", "client-ca.crt", "client-ca.crt") },
  ]);
  assert.equal(container.volumeMounts.slice(-2), [
    { name: "kubewarden-ca-cert", mountPath: "/ca", readOnly: true },
    { name: "client-ca-cert", mountPath: "/client-ca", readOnly: true },
  ]);
  const value = "/ca/ca.crt,/client-ca/client-ca.crt";
  assert.equal(container.env.at(-1), { name: "KUBEWARDEN_CLIENT_CA_FILE", value });
});

test("deployment: on the network of the node, names of the cluster still resolve (BT-16)", () => {
  const { pod } = deploymentOf({}, { hostNetwork: true });
  assert.equal([pod.hostNetwork, pod.dnsPolicy], [true, "ClusterFirstWithHostNet"]);
  const { pod: usual } = deploymentOf();
  assert.equal([usual.hostNetwork, usual.dnsPolicy], [undefined, "ClusterFirst"]);
});

const telemetry = { ...settings.telemetry, metrics: true };
const envOf = (spec: object, more: Partial<Settings["telemetry"]>) =>
  deploymentOf(spec, { telemetry: { ...settings.telemetry, ...more } }).container.env
    .filter(({ name }) => /METRICS|LOG|OTEL/.test(name)).map(({ name, value }) => `${name}=${value}`);

test("deployment: metrics and traces are pushed by flag, whatever the spec says (IT-16, BT-15)", () => {
  const env = [{ name: "KUBEWARDEN_ENABLE_METRICS", value: "false" }, { name: "KUBEWARDEN_LOG_FMT", value: "json" }];
  assert.equal(envOf({ env }, {}), ["KUBEWARDEN_ENABLE_METRICS=false", "KUBEWARDEN_LOG_FMT=json"]);
  assert.equal(envOf({ env }, { metrics: true }), ["KUBEWARDEN_LOG_FMT=json", "KUBEWARDEN_ENABLE_METRICS=true"]);
  assert.equal(envOf({ env }, { metrics: true, traces: true }), [
    "KUBEWARDEN_ENABLE_METRICS=true",
    "KUBEWARDEN_LOG_FMT=otlp",
  ]);
});

test("deployment: to a collector elsewhere, with its variables and certificates (BT-15)", () => {
  const name = "OTEL_EXPORTER_OTLP_ENDPOINT";
  const collector = {
    env: [{ name, value: "https://collector:4317" }],
    certificates: [{ volume: "otel-collector-certificate", secret: "collector-ca", mountPath: "/otel" }],
  };
  const own = { env: [{ name, value: "http://mine" }] };
  assert.equal(envOf(own, { metrics: true, collector }), [
    "KUBEWARDEN_ENABLE_METRICS=true",
    `${name}=https://collector:4317`,
  ]);
  const { pod, container, template } = deploymentOf({ verificationConfig: "vc" }, {
    telemetry: { ...telemetry, collector },
  });
  assert.equal(pod.volumes.map((each) => each.name), [
    "policy-store",
    "certs",
    "policies",
    "otel-collector-certificate",
    "verification",
  ]);
  assert.equal(pod.volumes[3]?.secret, { secretName: "collector-ca", defaultMode: 420 });
  assert.equal(container.volumeMounts[3], { name: "otel-collector-certificate", mountPath: "/otel", readOnly: true });
  assert.is(template.metadata.annotations, undefined);
});

test("deployment: to a sidecar, which an annotation of the pods asks for (BT-15)", () => {
  const { template, deployment, container } = deploymentOf({ annotations: { note: "x" } }, {
    telemetry: { ...telemetry, sidecar: true },
  });
  assert.equal(template.metadata.annotations, { note: "x", "sidecar.opentelemetry.io/inject": "true" });
  assert.not.ok("sidecar.opentelemetry.io/inject" in deployment.metadata.annotations);
  assert.equal(container.env.at(-1), { name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: "http://localhost:4317" });
});

test("deployment: empty lists of sources mount nothing", () => {
  assert.is(deploymentOf({ insecureSources: [], sourceAuthorities: {} }).pod.volumes.length, 3);
});

test.run();
