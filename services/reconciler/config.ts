import { KubewardenError } from "../../contracts/errors.ts";
import { booleanFlag, integerFlag, listFlag, textFlag } from "../../runtime/cli/flags.ts";
import type { Settings } from "./settings.ts";
import { telemetrySettings } from "./telemetry-settings.ts";

/** Flags of the reconciler beside those of every controller. Source: reference/controller.md 7.2, 7.3. */
export const reconcilerFlags = {
  alwaysAcceptAdmissionReviewsOnDeploymentsNamespace: booleanFlag(
    "policy servers accept every request about the deployments namespace",
    false,
    { env: "KUBEWARDEN_ALWAYS_ACCEPT_ADMISSION_REVIEWS_ON_DEPLOYMENTS_NAMESPACE" },
  ),
  imagePullSecrets: listFlag("Secrets that policy-server images are pulled with", {
    env: "KUBEWARDEN_IMAGE_PULL_SECRETS",
  }),
  policyServerImage: textFlag("image of PolicyServers that name none; default: the image of this pod", "", {
    env: "KUBEWARDEN_POLICY_SERVER_IMAGE",
  }),
  clientCaConfigmapName: textFlag(
    "ConfigMap whose client-ca.crt signs those who may call policy servers (mutual TLS); none: anybody may",
    "",
    { env: "KUBEWARDEN_CLIENT_CA_CONFIGMAP_NAME" },
  ),
  hostNetwork: booleanFlag("policy servers use the network of their node; not with a sidecar", false, {
    env: "KUBEWARDEN_HOST_NETWORK",
  }),
  enableTracing: booleanFlag("policy servers push traces by OTLP", false, { env: "KUBEWARDEN_ENABLE_TRACING" }),
  enableOtelSidecar: booleanFlag(
    "policy servers push to a collector in their pod, which the OpenTelemetry operator puts there",
    false,
    { env: "KUBEWARDEN_ENABLE_OTEL_SIDECAR" },
  ),
  opentelemetryCertificateSecret: textFlag(
    "Secret with the authority of the collector, mounted where OTEL_EXPORTER_OTLP_CERTIFICATE says",
    "",
    { env: "KUBEWARDEN_OPENTELEMETRY_CERTIFICATE_SECRET" },
  ),
  opentelemetryClientCertificateSecret: textFlag(
    "Secret with a certificate to show to the collector, mounted where OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE says",
    "",
    { env: "KUBEWARDEN_OPENTELEMETRY_CLIENT_CERTIFICATE_SECRET" },
  ),
  policyServerServicesMetricsPort: integerFlag("port of metrics where a PolicyServer names none", 8080, {
    env: "KUBEWARDEN_POLICY_SERVER_SERVICES_METRICS_PORT",
    min: 1,
    max: 65_535,
  }),
  defaultsConfigmapName: textFlag("ConfigMap whose PolicyServers are applied", "kubewarden-defaults", {
    env: "KUBEWARDEN_DEFAULTS_CONFIGMAP_NAME",
  }),
};

type Options = Parameters<typeof telemetrySettings>[0] & {
  deploymentsNamespace: string;
  alwaysAcceptAdmissionReviewsOnDeploymentsNamespace: boolean;
  imagePullSecrets: readonly string[];
  hostNetwork: boolean;
  clientCaConfigmapName: string;
};

/** What of flags and environment reaches every policy server. Throws CONFIG_INVALID for what does not go together. */
export function settingsFrom(options: Options, env: Readonly<Record<string, string | undefined>>): Settings {
  if (options.hostNetwork && options.enableOtelSidecar) {
    const reason = "sidecars of one node would want the same ports";
    throw new KubewardenError(
      "CONFIG_INVALID",
      `--host-network and --enable-otel-sidecar exclude each other: ${reason}`,
    );
  }
  return {
    namespace: options.deploymentsNamespace,
    alwaysAcceptNamespace: options.alwaysAcceptAdmissionReviewsOnDeploymentsNamespace,
    imagePullSecrets: options.imagePullSecrets,
    hostNetwork: options.hostNetwork,
    clientCaConfigMap: options.clientCaConfigmapName,
    telemetry: telemetrySettings(options, env),
  };
}
