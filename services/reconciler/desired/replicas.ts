// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { annotations } from "../../../contracts/names.ts";
import type { PolicyServer } from "../../../contracts/policy-server.ts";

/** How many pods the Deployment is to have; `asOf` is the resourceVersion that must still stand for that to hold. */
export type Replicas = { replicas: number; asOf?: string };

/**
 * `spec.replicas` of the PolicyServer when that is new, else what stands there, which an autoscaler or `kubectl scale` may
 * have changed. It cannot be left out: where nobody else owns it, apply would take it back to 1. A cache may be behind
 * who scales, hence `asOf`. `deployment` is the one of this PolicyServer as it stands.
 */
export function replicasFor({ spec }: PolicyServer, deployment: KubeObject | undefined): Replicas {
  const applied = deployment?.metadata.annotations?.[annotations.appliedReplicas];
  const standing = deployment && standingReplicas(deployment);
  if (standing === undefined || applied !== String(spec.replicas)) return { replicas: spec.replicas };
  const asOf = deployment?.metadata.resourceVersion;
  return { replicas: standing, ...(asOf === undefined ? {} : { asOf }) };
}

/** What the Deployment asks for now; undefined only for what no API server returned. */
export function standingReplicas({ spec }: KubeObject): number | undefined {
  return (spec as { replicas?: number } | undefined)?.replicas;
}
