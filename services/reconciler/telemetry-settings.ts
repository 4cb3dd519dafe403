// pure
import { KubewardenError } from "../../contracts/errors.ts";
import type { TelemetrySettings } from "./settings.ts";

type Options = {
  enableMetrics: boolean;
  enableTracing: boolean;
  enableOtelSidecar: boolean;
  opentelemetryCertificateSecret: string;
  opentelemetryClientCertificateSecret: string;
  policyServerServicesMetricsPort: number;
};
type Environment = Readonly<Record<string, string | undefined>>;

const shared = ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY", "COMPRESSION", "ENDPOINT", "HEADERS", "INSECURE"];
const metrics = ["DEFAULT_HISTOGRAM_AGGREGATION", "TEMPORALITY_PREFERENCE"];

/** Variables that policy servers get as this process has them. Source: reference/controller.md 3.8. */
export const replicatedVariables: readonly string[] = [
  ...[...shared, "TIMEOUT"].map((each) => `OTEL_EXPORTER_OTLP_${each}`),
  ...[...shared, "TIMEOUT", ...metrics].map((each) => `OTEL_EXPORTER_OTLP_METRICS_${each}`),
  ...[...shared, "TIMEOUT"].map((each) => `OTEL_EXPORTER_OTLP_TRACES_${each}`),
].sort();

/**
 * What policy servers push, and to which collector: the one of this process, or a sidecar. Throws CONFIG_INVALID for a
 * Secret whose place in the pod no variable says.
 */
export function telemetrySettings(options: Options, env: Environment): TelemetrySettings {
  const { enableMetrics, enableTracing, enableOtelSidecar } = options;
  const pushed = enableMetrics || enableTracing;
  const secrets = pushed && !enableOtelSidecar
    ? [
      certificate("otel-collector-certificate", {
        flag: "--opentelemetry-certificate-secret",
        secret: options.opentelemetryCertificateSecret,
        variable: "OTEL_EXPORTER_OTLP_CERTIFICATE",
        env,
      }),
      certificate("otel-collector-client-certificate", {
        flag: "--opentelemetry-client-certificate-secret",
        secret: options.opentelemetryClientCertificateSecret,
        variable: "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        env,
      }),
    ]
    : [];
  const variables = pushed && !enableOtelSidecar ? replicatedVariables : [];
  return {
    metrics: enableMetrics,
    traces: enableTracing,
    metricsPort: options.policyServerServicesMetricsPort,
    sidecar: pushed && enableOtelSidecar,
    collector: {
      env: variables.map((name) => ({ name, value: env[name] ?? "" })).filter(({ value }) => value !== ""),
      certificates: secrets.filter((each) => each !== undefined),
    },
  };
}

type Certificate = { flag: string; secret: string; variable: string; env: Environment };

/** Mounted where this process has it, so that the variables hold in both. */
function certificate(volume: string, { flag, secret, variable, env }: Certificate) {
  if (secret === "") return undefined;
  const mountPath = /^(\/.*)\/[^/]+$/.exec(env[variable] ?? "")?.[1];
  if (mountPath === undefined) {
    throw new KubewardenError("CONFIG_INVALID", `${flag} needs ${variable}, the path of a file in its folder`);
  }
  return { volume, secret, mountPath };
}
