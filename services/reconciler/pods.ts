// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { labels } from "../../contracts/names.ts";
import { type LoadFailure, readTermination } from "./termination.ts";

/** What matters of one pod of a policy server. */
export type PodFacts = {
  name: string;
  /** The config version it mounts. */
  version: string | undefined;
  /** Belongs, through its ReplicaSet, to the Deployment that stands now. */
  ours: boolean;
  ready: boolean;
  terminating: boolean;
  /** Evicted, failed or completed: answers nothing any more. */
  finished: boolean;
  /** What its last run said about single policies before it ended. */
  loadFailures: LoadFailure[];
  /** Why it does not come up, in one sentence, if something is known to be wrong. */
  problem: string | undefined;
};

type Sources = {
  deployment?: KubeObject;
  replicaSets: readonly KubeObject[];
  pods: readonly KubeObject[];
  events: readonly KubeObject[];
};

/** Facts of all pods, sorted by name so that messages do not jump from pod to pod. */
export function podFactsOf({ deployment, replicaSets, pods, events }: Sources): PodFacts[] {
  const current = new Set(
    replicaSets.filter((each) => isOwnedBy(each, deployment?.metadata.uid)).map((each) => each.metadata.uid),
  );
  return pods
    .map((pod) => factsOf(pod, (pod.metadata.ownerReferences ?? []).some(({ uid }) => current.has(uid)), events))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

type ContainerState = {
  waiting?: { reason?: string; message?: string };
  terminated?: { reason?: string; message?: string; exitCode?: number };
};
type PodStatus = {
  phase?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  containerStatuses?: { name: string; ready?: boolean; state?: ContainerState; lastState?: ContainerState }[];
};

function factsOf(pod: KubeObject, ours: boolean, events: readonly KubeObject[]): PodFacts {
  const status = (pod.status ?? {}) as PodStatus;
  const messages = (status.containerStatuses ?? []).flatMap(({ state, lastState }) =>
    [state?.terminated?.message, lastState?.terminated?.message].filter((each) => each !== undefined && each !== "")
  ) as string[];
  const [first] = messages;
  const ending = first === undefined ? undefined : readTermination(first);
  const ready = status.conditions?.some((each) => each.type === "Ready" && each.status === "True") ?? false;
  return {
    name: pod.metadata.name,
    version: pod.metadata.labels?.[labels.configVersion],
    ours,
    ready,
    terminating: pod.metadata.deletionTimestamp !== undefined,
    finished: status.phase === "Failed" || status.phase === "Succeeded",
    loadFailures: ending?.failures ?? [],
    problem: ready ? undefined : ending?.summary ?? problemOf(pod, status, events),
  };
}

/** Waiting reasons that pass by themselves are no problem yet. */
const harmless = new Set(["ContainerCreating", "PodInitializing"]);

function problemOf(pod: KubeObject, status: PodStatus, events: readonly KubeObject[]): string | undefined {
  const unscheduled = status.conditions?.find((each) => each.type === "PodScheduled" && each.status === "False");
  if (unscheduled) return join(unscheduled.reason, unscheduled.message);
  for (const { state, lastState } of status.containerStatuses ?? []) {
    if (state?.waiting?.reason !== undefined && !harmless.has(state.waiting.reason)) {
      return join(state.waiting.reason, state.waiting.message);
    }
    const ended = state?.terminated ?? lastState?.terminated;
    if (ended) return join(ended.reason, `exit code ${ended.exitCode ?? "unknown"}`);
  }
  const running = status.phase === "Running";
  return running ? undefined : mountFailure(pod, events);
}

/** Missing Secrets and ConfigMaps show in Events only, until the volume is there. */
function mountFailure(pod: KubeObject, events: readonly KubeObject[]): string | undefined {
  const failure = events.find((event) => {
    const { uid } = (event.involvedObject ?? {}) as { uid?: string };
    return event.reason === "FailedMount" && uid !== undefined && uid === pod.metadata.uid;
  });
  return failure && join("FailedMount", String(failure.message ?? ""));
}

function join(reason: string | undefined, message: string | undefined): string {
  return [reason, message].filter((each) => each !== undefined && each !== "").join(": ");
}

function isOwnedBy(object: KubeObject, uid: string | undefined): boolean {
  return uid !== undefined && (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid);
}
