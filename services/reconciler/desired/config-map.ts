// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { annotations, ownedObjectName } from "../../../contracts/names.ts";
import type { PolicyServer } from "../../../contracts/policy-server.ts";
import { ownedMetadata } from "./metadata.ts";

/** The two files of a policy server, both compact JSON. */
export type ConfigFiles = { "policies.yml": string; "sources.yml": string };

/** Name of the ConfigMap that pods of this version mount. */
export function versionedConfigMapName(policyServer: string, version: string): string {
  return `${ownedObjectName(policyServer)}-${version}`;
}

/** The text that the config version is the digest of. JSON, so that no two pairs of files share it. */
export function textToDigest(files: ConfigFiles): string {
  return JSON.stringify([files["policies.yml"], files["sources.yml"]]);
}

/** The config version: it is a label value (63 characters at most), hence half a SHA-256. */
export function configVersionOf(files: ConfigFiles, sha256Hex: (text: string) => string): string {
  return sha256Hex(textToDigest(files)).slice(0, 32);
}

type Options = { namespace: string; version: string; files: ConfigFiles };

/** The immutable ConfigMap that pods mount: a pod that restarts finds the configuration it was good with. */
export function versionedConfigMapFor(server: PolicyServer, options: Options): KubeObject {
  const readable = readableConfigMapFor(server, options);
  const name = versionedConfigMapName(server.metadata.name, options.version);
  return { ...readable, metadata: { ...readable.metadata, name }, immutable: true };
}

/** The copy under the name that upstream uses, for people and tools. No pod mounts it. */
export function readableConfigMapFor(server: PolicyServer, { namespace, version, files }: Options): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...ownedMetadata(server, namespace), annotations: { [annotations.configVersion]: version } },
    data: { ...files },
  };
}
