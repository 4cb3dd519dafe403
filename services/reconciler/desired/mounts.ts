// pure
import { caCertificateKey, caSecretName, clientCaKey, ownedObjectName } from "../../../contracts/names.ts";
import type { PolicyServer } from "../../../contracts/policy-server.ts";
import type { Settings } from "../settings.ts";
import { versionedConfigMapName } from "./config-map.ts";

/** One volume, where it is mounted, and the variable that tells the policy server of it. */
export type Mount = {
  volume: { name: string; [source: string]: unknown };
  mount: { name: string; mountPath: string; readOnly?: boolean };
  env?: { name: string; value: string };
};

type VolumeSource = Record<string, unknown>;

/** Volumes of a policy server, in upstream's order. Source: reference/controller.md 3.7. */
export function mountsFor(
  server: PolicyServer,
  { version, settings }: { version: string; settings: Settings },
): Mount[] {
  const { spec, metadata: { name } } = server;
  const configMap = versionedConfigMapName(name, version);
  const mounts: Mount[] = [
    { volume: { name: "policy-store", emptyDir: {} }, mount: { name: "policy-store", mountPath: "/tmp" } },
    readOnly("certs", "/pki", { secret: { secretName: ownedObjectName(name) } }),
    readOnly("policies", "/config", oneFileOf(configMap, "policies.yml", "policies.yml")),
    ...settings.telemetry.collector.certificates.map(({ volume, secret, mountPath }) =>
      // 0644: the process is not the owner of the files.
      readOnly(volume, mountPath, { secret: { secretName: secret, defaultMode: 420 } })
    ),
  ];
  if (spec.verificationConfig) {
    mounts.push(readOnly(
      "verification",
      "/verification",
      oneFileOf(spec.verificationConfig, "verification-config", "verification.yml"),
      { name: "KUBEWARDEN_VERIFICATION_CONFIG_PATH", value: "/verification/verification.yml" },
    ));
  }
  if (spec.sigstoreTrustConfig) {
    mounts.push(readOnly(
      "sigstore-trust-config",
      "/sigstore-trust",
      oneFileOf(spec.sigstoreTrustConfig, "sigstore-trust-config", "sigstore-trust-config.json"),
      { name: "KUBEWARDEN_SIGSTORE_TRUST_CONFIG_PATH", value: "/sigstore-trust/sigstore-trust-config.json" },
    ));
  }
  if (spec.imagePullSecret) {
    mounts.push(readOnly(
      "imagepullsecret",
      "/home/kubewarden/.docker",
      { secret: { secretName: spec.imagePullSecret, items: [{ key: ".dockerconfigjson", path: "config.json" }] } },
      { name: "KUBEWARDEN_DOCKER_CONFIG_JSON_PATH", value: "/home/kubewarden/.docker" },
    ));
  }
  if (hasSources(server)) {
    mounts.push(readOnly(
      "sources",
      "/sources",
      { configMap: { name: configMap } },
      { name: "KUBEWARDEN_SOURCES_PATH", value: "/sources/sources.yml" },
    ));
  }
  return [...mounts, ...clientAuthorities(settings)];
}

/** Mutual TLS: the API server shows a certificate of the users' authority, our own clients one of ours. */
function clientAuthorities({ clientCaConfigMap }: Settings): Mount[] {
  if (clientCaConfigMap === "") return [];
  const items = [{ key: caCertificateKey, path: caCertificateKey }];
  return [
    readOnly("kubewarden-ca-cert", "/ca", { secret: { secretName: caSecretName, items } }),
    readOnly(
      "client-ca-cert",
      "/client-ca",
      oneFileOf(clientCaConfigMap, clientCaKey, clientCaKey),
      { name: "KUBEWARDEN_CLIENT_CA_FILE", value: `/ca/${caCertificateKey},/client-ca/${clientCaKey}` },
    ),
  ];
}

function hasSources({ spec }: PolicyServer): boolean {
  return (spec.insecureSources ?? []).length > 0 || Object.keys(spec.sourceAuthorities ?? {}).length > 0;
}

function oneFileOf(configMap: string, key: string, path: string): VolumeSource {
  return { configMap: { name: configMap, items: [{ key, path }] } };
}

function readOnly(name: string, mountPath: string, source: VolumeSource, env?: Mount["env"]): Mount {
  return { volume: { name, ...source }, mount: { name, mountPath, readOnly: true }, ...(env && { env }) };
}
