import type { KubeObject } from "../../contracts/kubernetes.ts";

/** Where objects come from: the part of a `WatchCache` that reading needs. */
export type ObjectSource = {
  list(): readonly KubeObject[];
  get(name: string, namespace?: string): KubeObject | undefined;
};
