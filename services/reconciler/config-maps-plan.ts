// pure
import { type KubeObject, type ObjectRef, refOf } from "../../contracts/kubernetes.ts";
import { annotations } from "../../contracts/names.ts";
import type { PolicyServer } from "../../contracts/policy-server.ts";
import type { Configuration } from "./configuration.ts";
import {
  type ConfigFiles,
  readableConfigMapFor,
  versionedConfigMapFor,
  versionedConfigMapName,
} from "./desired/config-map.ts";
import type { Observed } from "./facts.ts";
import type { Shortfalls } from "./server-status.ts";
import { versionOf, versionsInUse } from "./versions.ts";

/**
 * The ConfigMap that pods mount, its readable copy, and the removal of versions that no pod can start with any more. A
 * version whose content is not what its name says (made by hand) cannot be mended, as it is immutable: it is made anew.
 */
export function configMapsPlan(
  server: PolicyServer,
  { files, version }: Configuration,
  observed: Observed,
): { apply: KubeObject[]; remove: ObjectRef[]; shortfalls: Shortfalls } {
  const options = { namespace: observed.settings.namespace, version, files };
  const readable = readableConfigMapFor(server, options);
  const name = versionedConfigMapName(server.metadata.name, version);
  const present = observed.configMaps.find(({ metadata }) => metadata.name === name);
  if (present && !holds(present, files)) {
    const message = `ConfigMap "${name}" does not hold what its version says; it is removed and made again`;
    return {
      apply: [readable],
      remove: [refOf(present)],
      shortfalls: { ConfigMapReconciled: { reason: "ReconciliationFailed", message } },
    };
  }
  return {
    apply: [versionedConfigMapFor(server, options), readable],
    remove: outdated(server, version, observed),
    shortfalls: {},
  };
}

/** Nothing goes before the Deployment was seen to name the wanted version: until then any other may be needed. */
function outdated(server: PolicyServer, version: string, observed: Observed): ObjectRef[] {
  if (observed.deployment?.metadata.annotations?.[annotations.configVersion] !== version) return [];
  const inUse = versionsInUse(observed);
  return observed.configMaps.filter((configMap) => {
    const its = versionOf(server.metadata.name, configMap);
    return its !== undefined && its !== version && !inUse.has(its);
  }).map(refOf);
}

function holds({ data }: KubeObject, files: ConfigFiles): boolean {
  const present = (data ?? {}) as Record<string, string>;
  return Object.keys(present).length === Object.keys(files).length &&
    Object.entries(files).every(([key, text]) => present[key] === text);
}
