// pure
import type { Deployment, IntOrString, ReplicaSet } from "./objects.ts";

/** One step of a rollout. The controller carries it out and looks again: plans never run ahead of what was observed. */
export type RolloutStep =
  | { do: "scale"; replicaSet: ReplicaSet; replicas: number }
  | { do: "create"; replicas: number }
  | { do: "remove"; replicaSet: ReplicaSet };

export type RolloutFacts = {
  deployment: Deployment;
  /** The ReplicaSet of the current template, if it exists. */
  current?: ReplicaSet;
  old: readonly ReplicaSet[];
};

/**
 * What to do next about a Deployment's ReplicaSets: the rules of Kubernetes' deployment controller (rolling.go,
 * recreate.go, sync.go), without its proportional scaling in the middle of a rollout: the end state is the same.
 */
export function planRollout({ deployment, current, old }: RolloutFacts): RolloutStep[] {
  const { paused, strategy } = deployment.spec;
  if (paused === true) return current ? scaleTo(current, desiredReplicas(deployment)) : [];
  const steps = strategy?.type === "Recreate"
    ? planRecreate(deployment, current, old)
    : planRolling(deployment, current, old);
  if (steps.length > 0) return steps;
  return isRolledOut(deployment, current, old) ? planHistory(deployment, old) : [];
}

/** maxSurge rounds up, maxUnavailable down; both zero would never move, so one pod may then be unavailable. */
export function rollingLimits(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  if (deployment.spec.strategy?.type === "Recreate") return { maxSurge: 0, maxUnavailable: 0 };
  const replicas = desiredReplicas(deployment);
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const maxSurge = resolveCount(rolling?.maxSurge ?? "25%", replicas, Math.ceil);
  const maxUnavailable = resolveCount(rolling?.maxUnavailable ?? "25%", replicas, Math.floor);
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, replicas) };
}

/** `spec.replicas`, whose default is 1. */
export function desiredReplicas(object: { spec: { replicas?: number } }): number {
  return object.spec.replicas ?? 1;
}

function planRolling(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]) {
  const desired = desiredReplicas(deployment);
  const { maxSurge, maxUnavailable } = rollingLimits(deployment);
  const oldTotal = sum(old, desiredReplicas);
  const total = oldTotal + (current ? desiredReplicas(current) : 0);
  const room = Math.max(0, desired + maxSurge - total);
  if (!current) return [{ do: "create", replicas: Math.min(room, desired) } as const];
  const now = desiredReplicas(current);
  const scaled = scaleTo(current, now > desired ? desired : now + Math.min(room, desired - now));
  if (scaled.length > 0 || oldTotal === 0) return scaled;

  const available = (each: ReplicaSet) => each.status?.availableReplicas ?? 0;
  const minAvailable = desired - maxUnavailable;
  const maxScaledDown = total - minAvailable - Math.max(0, now - available(current));
  if (maxScaledDown <= 0) return [];
  // First the old pods that never became available: taking them away costs nothing.
  const oldestFirst = old.toSorted(byCreation);
  const targets = new Map(oldestFirst.map((each) => [each, desiredReplicas(each)]));
  let unhealthy = maxScaledDown;
  for (const each of oldestFirst) {
    const count = Math.min(unhealthy, Math.max(0, desiredReplicas(each) - available(each)));
    targets.set(each, desiredReplicas(each) - count);
    unhealthy -= count;
  }
  let spare = sum([current, ...old], available) - minAvailable;
  for (const each of oldestFirst) {
    const count = Math.min(Math.max(0, spare), targets.get(each) ?? 0);
    targets.set(each, (targets.get(each) ?? 0) - count);
    spare -= count;
  }
  return oldestFirst.flatMap((each) => scaleTo(each, targets.get(each) ?? 0));
}

function planRecreate(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]) {
  const down = old.flatMap((each) => scaleTo(each, 0));
  if (down.length > 0 || sum(old, (each) => each.status?.replicas ?? 0) > 0) return down;
  const desired = desiredReplicas(deployment);
  return current ? scaleTo(current, desired) : [{ do: "create", replicas: desired } as const];
}

function planHistory(deployment: Deployment, old: readonly ReplicaSet[]): RolloutStep[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  const removable = old.filter((each) => desiredReplicas(each) === 0 && (each.status?.replicas ?? 0) === 0)
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));
  return removable.slice(0, Math.max(0, old.length - limit)).map((replicaSet) => ({ do: "remove", replicaSet }));
}

function isRolledOut(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): boolean {
  return current?.status?.availableReplicas === desiredReplicas(deployment) ||
    desiredReplicas(deployment) === 0 && sum(old, desiredReplicas) === 0;
}

/** `deployment.kubernetes.io/revision` of a ReplicaSet, 0 if it has none. */
export function revisionOf(object: { metadata: { annotations?: Record<string, string> } }): number {
  return Number(object.metadata.annotations?.[revisionAnnotation] ?? 0);
}

export const revisionAnnotation = "deployment.kubernetes.io/revision";

function scaleTo(replicaSet: ReplicaSet, replicas: number): RolloutStep[] {
  return desiredReplicas(replicaSet) === replicas ? [] : [{ do: "scale", replicaSet, replicas }];
}

function resolveCount(value: IntOrString, total: number, round: (value: number) => number): number {
  return typeof value === "number" ? value : round(total * Number.parseInt(value, 10) / 100);
}

function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  return (a.metadata.creationTimestamp ?? "").localeCompare(b.metadata.creationTimestamp ?? "");
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((total, each) => total + count(each), 0);
}
