// pure
import type { ConditionReason } from "../../contracts/conditions.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations } from "../../contracts/names.ts";
import { withAdvice } from "./advice.ts";
import type { ConfigEntries } from "./entries.ts";
import { loadReasonOf } from "./load-failure-reason.ts";
import { creationProblemOf } from "./pod-problem.ts";
import { type PodFacts, podFactsOf } from "./pods.ts";

/** What runs for one PolicyServer, and what every configuration version it may run holds. */
export type Fleet = {
  serverUid: string;
  /** What the Deployment asks for. */
  replicas: number;
  deployment?: KubeObject;
  replicaSets: readonly KubeObject[];
  pods: readonly KubeObject[];
  events: readonly KubeObject[];
  entriesOf: ReadonlyMap<string, ConfigEntries>;
};

/** A policy as it should be served. */
export type Wanted = { unique: string; entry: string };

export type ServedMode = "protect" | "monitor" | "unknown";

export type Reach =
  & { mode: ServedMode }
  & (
    | { reachable: true; configVersion: string }
    | { reachable: false; reason: ConditionReason<"PolicyUniquelyReachable">; message: string }
  );

/** The config version that the Deployment as observed names, if it belongs to this incarnation of the PolicyServer. */
export function namedVersion({ deployment, serverUid }: Pick<Fleet, "deployment" | "serverUid">): string | undefined {
  const owned = deployment?.metadata.ownerReferences?.some((owner) => owner.uid === serverUid) ?? false;
  return owned ? deployment?.metadata.annotations?.[annotations.configVersion] : undefined;
}

/**
 * Whether whichever pod answers for this policy answers with exactly this entry: every live pod carries it, and as many
 * are ready as a rolling update keeps (reference/controller.md 5.2). Compared is the entry, not the version, so that one
 * policy's rollout, or its failure, does not take another's verdict away: a pod that only starts gets no traffic. A
 * verdict depends on nothing that was said before, or a lagging cache would make it swing.
 */
export function reachOf(fleet: Fleet, wanted: Wanted): Reach {
  const pods = podFactsOf(fleet).filter((pod) => !pod.finished);
  const version = namedVersion(fleet);
  const carries = (at: string | undefined) => entryAt(fleet, at, wanted.unique)?.text === wanted.entry;
  const ready = pods.filter((pod) => pod.ready && !pod.terminating);
  const mode = modeAsServed(fleet, pods.filter((pod) => pod.ready), wanted.unique);

  const strayed = pods.filter((pod) => !pod.ours || !carries(pod.version));
  const waiting = pods.filter((pod) => !pod.ready && !pod.terminating);
  if (version !== undefined && strayed.length === 0 && ready.length >= readyPodsWanted(fleet.replicas)) {
    const [older] = ready.map((pod) => pod.version ?? version).filter((each) => each !== version).sort();
    return { reachable: true, configVersion: older ?? version, mode };
  }
  const starting = waiting.filter((pod) => pod.version === version && version !== undefined);
  return {
    reachable: false,
    mode,
    ...whyNot(fleet, wanted, { pods, strayed, waiting, starting, carried: carries(version) }),
  };
}

/** All replicas but the quarter, rounded down, that a rolling update may take away (maxUnavailable 25%). */
function readyPodsWanted(replicas: number): number {
  return Math.max(1, replicas - Math.floor(replicas / 4));
}

type Why = { reason: ConditionReason<"PolicyUniquelyReachable">; message: string };
type Seen = { pods: PodFacts[]; strayed: PodFacts[]; waiting: PodFacts[]; starting: PodFacts[]; carried: boolean };

function whyNot(fleet: Fleet, { unique }: Wanted, { pods, strayed, waiting, starting, carried }: Seen): Why {
  for (const pod of carried ? starting : []) {
    const failure = pod.loadFailures.find(({ policy }) => isAbout(policy, unique));
    if (failure) return because(loadReasonOf(failure.code), wordsOf(failure, unique));
  }
  const failed = starting.find((pod) => pod.problem !== undefined || pod.loadFailures.length > 0);
  const [other] = failed?.loadFailures ?? [];
  if (failed && other) {
    const words = `Pod "${failed.name}" cannot load policy "${other.policy}": ${other.message}`;
    return because("OtherPolicyFailed", words);
  }
  if (failed?.problem) {
    return because(failed.problem.reason, `Pod "${failed.name}" does not start: ${failed.problem.message}`);
  }
  if (fleet.replicas === 0) return because("NoReplicas", "No pod can serve the policy");
  const refused = namedVersion(fleet) === undefined ? undefined : creationProblemOf(fleet.deployment);
  if (refused) return because(refused.reason, `Pods of the policy server cannot be created: ${refused.message}`);
  return { reason: "LatestReplicaSetIsNotUniquelyReachable", message: notYet(fleet, pods, strayed, waiting) };
}

function isAbout(policy: string, unique: string): boolean {
  return policy === unique || policy.startsWith(`${unique}/`);
}

/** The policy server's words; of a group's member they say which one. */
function wordsOf({ policy, message }: PodFacts["loadFailures"][number], unique: string): string {
  return policy === unique ? message : `Member "${policy.slice(unique.length + 1)}": ${message}`;
}

function because(reason: Why["reason"], words: string): Why {
  return { reason, message: withAdvice(reason, words) };
}

function notYet(fleet: Fleet, pods: PodFacts[], strayed: PodFacts[], waiting: PodFacts[]): string {
  if (fleet.deployment === undefined) {
    return "The policy server has no Deployment yet: see conditions of the PolicyServer";
  }
  if (namedVersion(fleet) === undefined) return "The Deployment does not yet belong to this PolicyServer";
  const [stray] = strayed;
  if (stray) return `Pod "${stray.name}" does not run a configuration with this generation of the policy`;
  const [unready] = waiting;
  if (unready) return `Pod "${unready.name}" is not ready yet`;
  if (pods.some((pod) => pod.ready && !pod.terminating)) {
    return `Fewer than ${readyPodsWanted(fleet.replicas)} pods of the policy server are ready`;
  }
  return pods.length > 0 ? "Every pod of the policy server is terminating" : "No pod of the policy server runs yet";
}

function entryAt(fleet: Fleet, version: string | undefined, unique: string) {
  return version === undefined ? undefined : fleet.entriesOf.get(version)?.get(unique);
}

function modeAsServed(fleet: Fleet, ready: PodFacts[], unique: string): ServedMode {
  const modes = new Set(ready.map((pod) => entryAt(fleet, pod.version, unique)?.mode));
  const [mode] = modes;
  return modes.size === 1 && mode !== undefined ? mode : "unknown";
}
