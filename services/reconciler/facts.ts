// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Settings } from "./settings.ts";

/** All that the plan for one PolicyServer name looks at, as the caches had it. */
export type Observed = {
  /** Name of the PolicyServer, whether or not it exists. */
  name: string;
  settings: Settings;
  /** The reconciler's own image, for PolicyServers that name none. */
  ownImage?: string;
  server?: KubeObject;
  /** Policies of all kinds that name this server. */
  policies: readonly KubeObject[];
  /** Policies of other servers that claim a unique name of one of these. */
  rivals: readonly KubeObject[];
  /** What exists for the server, found by label. */
  configMaps: readonly KubeObject[];
  deployment?: KubeObject;
  /** The ConfigMap of `settings.clientCaConfigMap`. */
  clientCa?: KubeObject;
  disruptionBudget?: KubeObject;
  replicaSets: readonly KubeObject[];
  pods: readonly KubeObject[];
  /** Warnings about those pods. */
  events: readonly KubeObject[];
};
