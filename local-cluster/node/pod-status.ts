// pure
import type { ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from "../workloads/pod.ts";
import { timestamp } from "../workloads/deployment-status.ts";

/** What the node knows of one container. */
export type ContainerFacts = {
  name: string;
  image: string;
  imageID: string;
  containerID?: string;
  ready: boolean;
  started: boolean;
  restartCount: number;
  state: ContainerState;
  lastState: ContainerState;
};

export type PodFacts = {
  pod: Pod;
  containers: readonly ContainerFacts[];
  podIP?: string;
  hostIP: string;
  startTime: string;
  now: Date;
};

/** The status a kubelet writes for these containers: phase, conditions, addresses, container statuses. */
export function podStatusFor(facts: PodFacts): PodStatus {
  const { pod, containers, podIP, hostIP, startTime, now } = facts;
  const phase = phaseOf(pod, containers);
  const finished = phase === "Succeeded" || phase === "Failed";
  const unready = containers.filter((each) => !each.ready).map((each) => each.name);
  const ready = unready.length === 0 && !finished
    ? { status: "True" }
    : phase === "Succeeded"
    ? { status: "False", reason: "PodCompleted" }
    : {
      status: "False",
      reason: phase === "Failed" ? "PodFailed" : "ContainersNotReady",
      ...(phase === "Failed" ? {} : { message: `containers with unready status: [${unready.join(" ")}]` }),
    };
  const conditions = [
    { type: "PodReadyToStartContainers", status: podIP !== undefined && !finished ? "True" : "False" },
    { type: "Initialized", status: "True" },
    { type: "Ready", ...ready },
    { type: "ContainersReady", ...ready },
    { type: "PodScheduled", status: "True" },
  ];
  return {
    phase,
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    qosClass: pod.status?.qosClass ?? "BestEffort",
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime,
    conditions: conditions.map((each) => keepTransition(pod, each, now)),
    containerStatuses: containers.map((each): ContainerStatus => ({ ...each })),
  };
}

function phaseOf(pod: Pod, containers: readonly ContainerFacts[]): string {
  const ended = containers.filter((each) => each.state.terminated);
  const willRestart = pod.metadata.deletionTimestamp === undefined && (pod.spec.restartPolicy === "Always" ||
    pod.spec.restartPolicy === undefined ||
    pod.spec.restartPolicy === "OnFailure" && ended.some((each) => each.state.terminated?.exitCode !== 0));
  if (containers.length > 0 && ended.length === containers.length && !willRestart) {
    return ended.every((each) => each.state.terminated?.exitCode === 0) ? "Succeeded" : "Failed";
  }
  const begun = containers.some((each) => each.state.running || each.state.terminated || each.lastState.terminated);
  return begun ? "Running" : "Pending";
}

function keepTransition(pod: Pod, next: Omit<PodCondition, "lastTransitionTime">, now: Date): PodCondition {
  const known = pod.status?.conditions?.find((each) => each.type === next.type);
  const lastTransitionTime = known?.status === next.status && known.lastTransitionTime !== undefined
    ? known.lastTransitionTime
    : timestamp(now);
  return { ...next, lastTransitionTime };
}
