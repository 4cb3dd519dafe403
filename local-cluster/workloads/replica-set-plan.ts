// pure
import { timestamp } from "./deployment-status.ts";
import type { ReplicaSet, ReplicaSetStatus } from "./objects.ts";
import { isPodActive, isPodAvailable, isPodReady, type Pod, podCondition } from "./pod.ts";

/** What a ReplicaSet's pods need: so many more, or these fewer. */
export function planReplicas(replicaSet: ReplicaSet, pods: readonly Pod[]): { create: number; remove: Pod[] } {
  const active = pods.filter(isPodActive);
  const surplus = active.length - (replicaSet.spec.replicas ?? 1);
  return { create: Math.max(0, -surplus), remove: active.toSorted(leastWantedFirst).slice(0, Math.max(0, surplus)) };
}

/** The counts of a ReplicaSet's status; zero counts but `replicas` are left out, as Kubernetes does. */
export function replicaSetStatusFor(
  { replicaSet, pods, now, failure }: { replicaSet: ReplicaSet; pods: readonly Pod[]; now: Date; failure?: string },
): ReplicaSetStatus {
  const active = pods.filter(isPodActive);
  const minReadySeconds = replicaSet.spec.minReadySeconds ?? 0;
  const wanted = Object.entries(replicaSet.spec.template.metadata?.labels ?? {});
  const counts = {
    fullyLabeledReplicas: active.filter((pod) => wanted.every(([key, value]) => pod.metadata.labels?.[key] === value))
      .length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => isPodAvailable(pod, { minReadySeconds, now })).length,
  };
  return {
    replicas: active.length,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...(replicaSet.metadata.generation === undefined ? {} : { observedGeneration: replicaSet.metadata.generation }),
    ...(failure === undefined ? {} : { conditions: [failureCondition(replicaSet, failure, now)] }),
  };
}

function failureCondition(replicaSet: ReplicaSet, message: string, now: Date) {
  const known = replicaSet.status?.conditions?.find((each) => each.type === "ReplicaFailure");
  const lastTransitionTime = known?.lastTransitionTime ?? timestamp(now);
  return { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message, lastTransitionTime };
}

/** Kubernetes' order of removal: unscheduled, pending, unready, then the youngest. */
function leastWantedFirst(a: Pod, b: Pod): number {
  const rank = (pod: Pod) => [
    pod.spec.nodeName ? 1 : 0,
    pod.status?.phase === "Running" ? 1 : 0,
    isPodReady(pod) ? 1 : 0,
  ];
  const ranksA = rank(a), ranksB = rank(b);
  const differing = ranksA.findIndex((each, at) => each !== ranksB[at]);
  if (differing >= 0) return (ranksA[differing] ?? 0) - (ranksB[differing] ?? 0);
  return ageOf(b).localeCompare(ageOf(a));
}

function ageOf(pod: Pod): string {
  return podCondition(pod, "Ready")?.lastTransitionTime ?? pod.metadata.creationTimestamp ?? "";
}
