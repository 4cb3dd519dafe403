// pure
import type { Deployment, DeploymentStatus, ReplicaSet, WorkloadCondition } from "./objects.ts";
import { desiredReplicas, rollingLimits } from "./rollout.ts";

/** The Deployment's status from its ReplicaSets, as Kubernetes' deployment controller counts and words it. */
export function deploymentStatusFor(
  { deployment, current, old, now }: {
    deployment: Deployment;
    current?: ReplicaSet;
    old: readonly ReplicaSet[];
    now: Date;
  },
): DeploymentStatus {
  const all = current ? [current, ...old] : old;
  const count = (field: "replicas" | "readyReplicas" | "availableReplicas") =>
    all.reduce((total, each) => total + (each.status?.[field] ?? 0), 0);
  const available = count("availableReplicas");
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation,
    replicas: count("replicas"),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: count("readyReplicas"),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, all.reduce((total, each) => total + desiredReplicas(each), 0) - available),
  };
  const failure = all.flatMap((each) => each.status?.conditions ?? []).find(({ type }) => type === "ReplicaFailure");
  status.conditions = [
    availability(deployment, available, now),
    progress(deployment, status, current, now),
    ...(failure ? [keepTimes(deployment, now, failure)] : []),
  ];
  // Kubernetes leaves zero counts out.
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== 0));
}

function availability(deployment: Deployment, available: number, now: Date): WorkloadCondition {
  const enough = available >= desiredReplicas(deployment) - rollingLimits(deployment).maxUnavailable;
  return keepTimes(deployment, now, {
    type: "Available",
    status: enough ? "True" : "False",
    reason: enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
    message: enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.",
  });
}

function progress(
  deployment: Deployment,
  next: DeploymentStatus,
  current: ReplicaSet | undefined,
  now: Date,
): WorkloadCondition {
  const before = deployment.status ?? {};
  const known = before.conditions?.find((each) => each.type === "Progressing");
  const desired = desiredReplicas(deployment);
  const name = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (next.updatedReplicas === desired && next.replicas === desired && next.availableReplicas === desired) {
    const message = `${name} has successfully progressed.`;
    return keepTimes(deployment, now, {
      type: "Progressing",
      status: "True",
      reason: "NewReplicaSetAvailable",
      message,
    });
  }
  const grew = (field: "updatedReplicas" | "readyReplicas" | "availableReplicas") =>
    (next[field] ?? 0) > (before[field] ?? 0);
  const oldNow = (next.replicas ?? 0) - (next.updatedReplicas ?? 0);
  const oldBefore = (before.replicas ?? 0) - (before.updatedReplicas ?? 0);
  const newTemplate = before.observedGeneration !== deployment.metadata.generation;
  const moved = newTemplate || grew("updatedReplicas") || grew("readyReplicas") || grew("availableReplicas") ||
    oldNow < oldBefore;
  const limitMs = (deployment.spec.progressDeadlineSeconds ?? 600) * 1000;
  const late = !moved && known !== undefined && known.reason !== "NewReplicaSetAvailable" &&
    Date.parse(known.lastUpdateTime) + limitMs < now.getTime();
  const condition = late
    ? { status: "False", reason: "ProgressDeadlineExceeded", message: `${name} has timed out progressing.` }
    : { status: "True", reason: "ReplicaSetUpdated", message: `${name} is progressing.` };
  const kept = keepTimes(deployment, now, { type: "Progressing", ...condition });
  return moved ? { ...kept, lastUpdateTime: timestamp(now) } : kept;
}

function keepTimes(
  deployment: Deployment,
  now: Date,
  { type, status, reason, message }: Omit<WorkloadCondition, "lastTransitionTime" | "lastUpdateTime">,
): WorkloadCondition {
  const next = { type, status, reason, message };
  const known = deployment.status?.conditions?.find((each) => each.type === next.type);
  const same = known?.status === next.status && known.reason === next.reason && known.message === next.message;
  return {
    ...next,
    lastTransitionTime: known?.status === next.status ? known.lastTransitionTime : timestamp(now),
    lastUpdateTime: same ? known.lastUpdateTime : timestamp(now),
  };
}

/** Kubernetes' metav1.Time: whole seconds, UTC. */
export function timestamp(now: Date): string {
  return now.toISOString().replace(/\.\d+Z$/, "Z");
}
