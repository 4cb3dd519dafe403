// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { DownwardItem, KeyToPath, Pod, Volume, VolumeProjection } from "../workloads/pod.ts";
import { fieldValue, resourceValue } from "./downward.ts";
import type { ReadSource } from "./environment.ts";

export type VolumeFile = { content: Uint8Array; mode: number };

/** Files of a volume by relative path; `undefined` for an emptyDir; or the sentence of a `FailedMount` event. */
export type VolumeContent =
  | { kind: "files"; files: ReadonlyMap<string, VolumeFile> }
  | { kind: "empty" }
  | { kind: "problem"; problem: string };

/** What a projected ServiceAccount token needs; issued by the API server, so it comes in as a value. */
export type ServiceAccountFacts = { token: string };

const encoder = new TextEncoder();
const implemented = ["name", "secret", "configMap", "emptyDir", "projected", "downwardAPI"];

/** What should be inside a pod's volume now, from the objects it names. */
export function volumeContent(
  volume: Volume,
  { pod, read, serviceAccount }: { pod: Pod; read: ReadSource; serviceAccount?: ServiceAccountFacts },
): VolumeContent {
  const unknown = Object.keys(volume).find((key) => !implemented.includes(key));
  if (unknown !== undefined) {
    return { kind: "problem", problem: `volume type "${unknown}" is not implemented by the local cluster` };
  }
  if (volume.emptyDir) return { kind: "empty" };
  const files = new Map<string, VolumeFile>();
  const sources: VolumeProjection[] = volume.projected?.sources ?? [{
    ...(volume.secret ? { secret: { ...volume.secret, name: volume.secret.secretName } } : {}),
    ...(volume.configMap ? { configMap: volume.configMap } : {}),
    ...(volume.downwardAPI ? { downwardAPI: volume.downwardAPI } : {}),
  }];
  const mode = (volume.secret ?? volume.configMap ?? volume.projected ?? volume.downwardAPI)?.defaultMode ?? 0o644;
  for (const source of sources) {
    const problem = addSource(files, source, { pod, read, mode, serviceAccount });
    if (problem !== undefined) return { kind: "problem", problem };
  }
  return { kind: "files", files };
}

function addSource(
  files: Map<string, VolumeFile>,
  source: VolumeProjection,
  { pod, read, mode, serviceAccount }: {
    pod: Pod;
    read: ReadSource;
    mode: number;
    serviceAccount?: ServiceAccountFacts;
  },
): string | undefined {
  const { secret, configMap, downwardAPI, serviceAccountToken, ...rest } = source;
  if (Object.keys(rest).length > 0) {
    return `volume source "${Object.keys(rest)[0]}" is not implemented by the local cluster`;
  }
  if (secret) return addObject(files, { kind: "Secret", ...secret, name: secret.name ?? "" }, { pod, read, mode });
  if (configMap) {
    return addObject(files, { kind: "ConfigMap", ...configMap, name: configMap.name ?? "" }, { pod, read, mode });
  }
  for (const item of downwardAPI?.items ?? []) {
    const value = downwardValue(pod, item);
    if (value === undefined) return `downwardAPI item "${item.path}" names nothing the local cluster knows`;
    files.set(item.path, { content: encoder.encode(value), mode: item.mode ?? mode });
  }
  if (serviceAccountToken) {
    if (!serviceAccount) return `no token for ServiceAccount "${pod.spec.serviceAccountName ?? "default"}" yet`;
    files.set(serviceAccountToken.path, { content: encoder.encode(serviceAccount.token), mode });
  }
  return undefined;
}

function addObject(
  files: Map<string, VolumeFile>,
  source: { kind: "ConfigMap" | "Secret"; name: string; items?: KeyToPath[]; optional?: boolean },
  { pod, read, mode }: { pod: Pod; read: ReadSource; mode: number },
): string | undefined {
  const object = read(source.kind, source.name);
  const optional = source.optional === true;
  if (!object && !optional) return `${source.kind.toLowerCase()} "${source.name}" not found`;
  const contents = contentsOf(object);
  const items = source.items ?? [...contents.keys()].map((key): KeyToPath => ({ key, path: key }));
  for (const item of items) {
    const content = contents.get(item.key);
    if (content) files.set(item.path, { content, mode: item.mode ?? mode });
    else if (!optional) {
      return `${source.kind.toLowerCase()} "${pod.metadata.namespace}/${source.name}" has no key "${item.key}"`;
    }
  }
  return undefined;
}

function contentsOf(object: KubeObject | undefined): Map<string, Uint8Array> {
  const data = Object.entries((object?.data ?? {}) as Record<string, string>);
  const binary = Object.entries((object?.binaryData ?? {}) as Record<string, string>);
  const decode = (value: string) => object?.kind === "Secret" ? Uint8Array.fromBase64(value) : encoder.encode(value);
  return new Map([
    ...data.map(([key, value]) => [key, decode(value)] as const),
    ...binary.map(([key, value]) => [key, Uint8Array.fromBase64(value)] as const),
  ]);
}

function downwardValue(pod: Pod, item: DownwardItem): string | undefined {
  if (item.fieldRef) return fieldValue(pod, item.fieldRef.fieldPath);
  const reference = item.resourceFieldRef;
  if (!reference) return undefined;
  return resourceValue(pod.spec.containers.find((each) => each.name === reference.containerName), reference);
}
