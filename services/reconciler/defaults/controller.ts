import { sha256Hex } from "../../../runtime/digest.ts";
import type { Controller } from "../../../runtime/control/controller.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import { viewOf } from "../../../runtime/kube/object-view.ts";
import type { WatchCache } from "../../../runtime/kube/watch-cache.ts";
import { type ObservedDefault, type ObservedDefaultsFile, planDefaults } from "./plan.ts";
import { readDefaults } from "./read.ts";

type Options = {
  servers: WatchCache;
  /** Holds the one defaults ConfigMap. */
  configMap: WatchCache;
  log: Log;
};

/** The key under which the ConfigMap itself is looked at; no PolicyServer has this name. */
const configMapKey = "";

/**
 * Applies the PolicyServers that stand in a ConfigMap: kubectl cannot apply a custom resource in the same stream as its
 * CRD. Works as soon as the CRD is served, since only then the PolicyServer cache is in sync. Its own field manager, so
 * that what it no longer says is pruned and nothing else.
 */
export function defaultsController(
  { servers, configMap, log }: Options,
): Controller<ObservedDefault | ObservedDefaultsFile> {
  const current = () => configMap.list()[0];
  return {
    name: "reconciler-defaults",
    sources: [
      { cache: servers, keysFor: ({ metadata }) => [metadata.name], view: (server) => viewOf(server) },
      {
        cache: configMap,
        keysFor: (object) => [configMapKey, ...readDefaults(object).servers.map(({ metadata }) => metadata.name)],
      },
    ],
    observe: (key) => {
      const { servers: wanted, problems } = readDefaults(current());
      if (key === configMapKey) {
        if (problems.length > 0) log.warn("defaults cannot be read", { problems });
        return { configMap: current(), problems };
      }
      return { wanted: wanted.find(({ metadata }) => metadata.name === key), present: servers.get(key) };
    },
    plan: (observed) => planDefaults(observed, sha256Hex),
  };
}
