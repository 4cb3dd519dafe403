// pure
import { type PolicyServer, readinessProbePortOf, webhookPortOf } from "../../../contracts/policy-server.ts";
import type { Settings } from "../settings.ts";
import type { Mount } from "./mounts.ts";
import { telemetryVariables } from "./telemetry.ts";

type EnvVar = { name: string; [key: string]: unknown };

/**
 * Environment of the policy-server container: ours, then `spec.env`, then what the flags and mounted files ask for. Where
 * a name comes twice the later one wins, as it does at run time: server-side apply refuses a list with the same name
 * twice.
 * Source: reference/controller.md 3.7.
 */
export function environmentFor(server: PolicyServer, settings: Settings, mounts: readonly Mount[]): EnvVar[] {
  const all: EnvVar[] = [
    { name: "KUBEWARDEN_CERT_FILE", value: "/pki/tls.crt" },
    { name: "KUBEWARDEN_KEY_FILE", value: "/pki/tls.key" },
    { name: "KUBEWARDEN_PORT", value: String(webhookPortOf(server)) },
    { name: "KUBEWARDEN_READINESS_PROBE_PORT", value: String(readinessProbePortOf(server)) },
    { name: "KUBEWARDEN_POLICIES_DOWNLOAD_DIR", value: "/tmp" },
    { name: "KUBEWARDEN_POLICIES", value: "/config/policies.yml" },
    { name: "KUBEWARDEN_SIGSTORE_CACHE_DIR", value: "/tmp/sigstore-data" },
    ...(server.spec.env ?? []),
    ...(settings.alwaysAcceptNamespace
      ? [{ name: "KUBEWARDEN_ALWAYS_ACCEPT_ADMISSION_REVIEWS_ON_NAMESPACE", value: settings.namespace }]
      : []),
    ...mounts.flatMap(({ env }) => (env ? [env] : [])),
    ...telemetryVariables(settings.telemetry),
  ];
  return all.filter(({ name }, index) => !all.some((other, later) => later > index && other.name === name));
}
