import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import { parseCli } from "../../runtime/cli/cli.ts";
import { reconcilerFlags, settingsFrom } from "./config.ts";
import { replicatedVariables } from "./telemetry-settings.ts";
import { settings } from "./test-objects.ts";

type Env = Record<string, string>;
const spec = { name: "reconciler", description: "", flags: reconcilerFlags };

function settingsOf(argv: string[], env: Env = {}) {
  const options = parseCli(spec, argv.filter((each) => each !== "--enable-metrics"), env)!;
  const common = { deploymentsNamespace: "kubewarden", enableMetrics: argv.includes("--enable-metrics") };
  return settingsFrom({ ...options, ...common }, env);
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof KubewardenError ? error.code : String(error);
  }
}

test("config: what no flag asks for is off", () => {
  const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4317" };
  assert.equal(settingsOf([], collector), settings);
});

test("config: flags have upstream's names, and each a variable", () => {
  const byFlag = settingsOf([
    ...["--client-ca-configmap-name", "client-ca", "--host-network", "--image-pull-secrets", "a, b,,"],
    ...["--always-accept-admission-reviews-on-deployments-namespace", "--enable-tracing"],
  ], { KUBEWARDEN_POLICY_SERVER_SERVICES_METRICS_PORT: "9090" });
  const byVariable = settingsOf([], {
    KUBEWARDEN_CLIENT_CA_CONFIGMAP_NAME: "client-ca",
    KUBEWARDEN_HOST_NETWORK: "true",
    KUBEWARDEN_IMAGE_PULL_SECRETS: "a,b",
    KUBEWARDEN_ALWAYS_ACCEPT_ADMISSION_REVIEWS_ON_DEPLOYMENTS_NAMESPACE: "true",
    KUBEWARDEN_ENABLE_TRACING: "true",
    KUBEWARDEN_POLICY_SERVER_SERVICES_METRICS_PORT: "9090",
  });
  assert.equal(byFlag, byVariable);
  assert.equal([byFlag.clientCaConfigMap, byFlag.hostNetwork, byFlag.imagePullSecrets], ["client-ca", true, [
    "a",
    "b",
  ]]);
  assert.is(byFlag.telemetry.metricsPort, 9090);
});

for (const value of ["no", "0", "65536", "80.5"]) {
  test(`config: ${value} is no port of metrics (CT-U2)`, () => {
    const env = { KUBEWARDEN_POLICY_SERVER_SERVICES_METRICS_PORT: value };
    assert.is(codeOf(() => settingsOf([], env)), "USAGE");
  });
}

test("config: the variables that name a collector are replicated, no others, and no empty ones (BT-15)", () => {
  assert.is(replicatedVariables.length, 26);
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://c:4317",
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta",
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "",
    OTEL_SERVICE_NAME: "reconciler",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  };
  assert.equal(settingsOf(["--enable-metrics"], env).telemetry.collector.env, [
    { name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: "https://c:4317" },
    { name: "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", value: "delta" },
  ]);
  assert.equal(settingsOf(["--enable-metrics", "--enable-otel-sidecar"], env).telemetry.collector.env, []);
});

test("config: Secrets of the collector are mounted where this process has their files (BT-15)", () => {
  const secrets = [
    ...["--opentelemetry-certificate-secret", "ca", "--opentelemetry-client-certificate-secret", "client"],
  ];
  const env = {
    OTEL_EXPORTER_OTLP_CERTIFICATE: "/kubewarden/otel-collector-certs/ca.crt",
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "/kubewarden/otel-collector-client-certs/tls.crt",
  };
  assert.equal(settingsOf(["--enable-tracing", ...secrets], env).telemetry.collector.certificates, [
    { volume: "otel-collector-certificate", secret: "ca", mountPath: "/kubewarden/otel-collector-certs" },
    {
      volume: "otel-collector-client-certificate",
      secret: "client",
      mountPath: "/kubewarden/otel-collector-client-certs",
    },
  ]);
  assert.equal(settingsOf(secrets, env).telemetry.collector.certificates, [], "nothing is pushed");
  assert.is(codeOf(() => settingsOf(["--enable-metrics", ...secrets])), "CONFIG_INVALID");
});

test("config: a sidecar and the network of the node exclude each other (BT-16)", () => {
  assert.is(codeOf(() => settingsOf(["--host-network", "--enable-otel-sidecar"])), "CONFIG_INVALID");
});

test.run();
