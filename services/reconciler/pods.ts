// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { labels } from "../../contracts/names.ts";
import { type PodProblem, podProblemOf, type PodStatus } from "./pod-problem.ts";
import { type LoadFailure, loadFailuresIn } from "./termination.ts";

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
  /** Why it does not come up, if something is known to be wrong. */
  problem: PodProblem | undefined;
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

function factsOf(pod: KubeObject, ours: boolean, events: readonly KubeObject[]): PodFacts {
  const status = (pod.status ?? {}) as PodStatus;
  const messages = (status.containerStatuses ?? []).flatMap(({ state, lastState }) =>
    [state?.terminated?.message, lastState?.terminated?.message].filter((each) => each !== undefined && each !== "")
  ) as string[];
  const [first = ""] = messages;
  const ready = status.conditions?.some((each) => each.type === "Ready" && each.status === "True") ?? false;
  return {
    name: pod.metadata.name,
    version: pod.metadata.labels?.[labels.configVersion],
    ours,
    ready,
    terminating: pod.metadata.deletionTimestamp !== undefined,
    finished: status.phase === "Failed" || status.phase === "Succeeded",
    loadFailures: loadFailuresIn(first),
    problem: ready ? undefined : podProblemOf(pod, events),
  };
}

function isOwnedBy(object: KubeObject, uid: string | undefined): boolean {
  return uid !== undefined && (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid);
}
