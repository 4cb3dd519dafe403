// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations, labels, ownedObjectName } from "../../contracts/names.ts";
import { policiesFileName } from "../../contracts/policy-config.ts";
import type { Configuration } from "./configuration.ts";
import { versionedConfigMapName } from "./desired/config-map.ts";
import { type ConfigEntries, entriesIn } from "./entries.ts";
import type { Observed } from "./facts.ts";

/** The config version of a ConfigMap that pods mount, or undefined for any other ConfigMap. */
export function versionOf(policyServer: string, configMap: KubeObject): string | undefined {
  const version = configMap.metadata.annotations?.[annotations.configVersion];
  const named = version !== undefined && configMap.metadata.name === versionedConfigMapName(policyServer, version);
  return named ? version : undefined;
}

/** What each known config version holds. The wanted one is known even before its ConfigMap was seen. */
export function entriesByVersion({ name, configMaps }: Observed, wanted: Configuration): Map<string, ConfigEntries> {
  const known = new Map<string, ConfigEntries>();
  for (const configMap of configMaps) {
    const version = versionOf(name, configMap);
    if (version !== undefined) known.set(version, entriesOf(configMap));
  }
  return known.set(wanted.version, wanted.entries);
}

/** The configuration that the Deployment names; the readable copy only where that ConfigMap was lost. */
export function lastGoodEntries({ name, deployment, configMaps }: Observed): ConfigEntries {
  const version = deployment?.metadata.annotations?.[annotations.configVersion];
  const named = configMaps.find((each) => version !== undefined && versionOf(name, each) === version);
  const readable = configMaps.find(({ metadata }) => metadata.name === ownedObjectName(name));
  const source = named ?? readable;
  return source ? entriesOf(source) : new Map();
}

/** Versions that something may still start a pod with. */
export function versionsInUse({ deployment, replicaSets, pods }: Observed): Set<string> {
  const inUse = [
    deployment?.metadata.annotations?.[annotations.configVersion],
    ...replicaSets.filter(mayHavePods).map(podTemplateVersion),
    ...pods.map(({ metadata }) => metadata.labels?.[labels.configVersion]),
  ];
  return new Set(inUse.filter((each) => each !== undefined));
}

function mayHavePods({ spec, status }: KubeObject): boolean {
  const wanted = (spec as { replicas?: number } | undefined)?.replicas ?? 1;
  return wanted > 0 || ((status as { replicas?: number } | undefined)?.replicas ?? 0) > 0;
}

function podTemplateVersion({ metadata, spec }: KubeObject): string | undefined {
  const { template } = (spec ?? {}) as { template?: { metadata?: { labels?: Record<string, string> } } };
  return template?.metadata?.labels?.[labels.configVersion] ?? metadata.labels?.[labels.configVersion];
}

function entriesOf({ data }: KubeObject): ConfigEntries {
  return entriesIn((data as Record<string, string> | undefined)?.[policiesFileName] ?? "{}");
}
