// pure
import { type ConditionReason, findCondition } from "../../contracts/conditions.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { withAdvice } from "./advice.ts";
import type { Configuration } from "./configuration.ts";
import type { Observed } from "./facts.ts";
import { creationProblemOf } from "./pod-problem.ts";
import { type PodFacts, podFactsOf } from "./pods.ts";
import { namedVersion } from "./reachability.ts";

/** What `PodsReady` of a PolicyServer says. */
export type PodsVerdict = { is: boolean; reason: ConditionReason<"PodsReady">; message: string };

type DeploymentStatus = {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  conditions?: { type: string; status: string; reason?: string }[];
};

/**
 * Whether every pod that the Deployment asks for runs what the PolicyServer asks for now, judged as `kubectl rollout
 * status` does; if not, what holds the pods back. Serving goes on meanwhile with what ran before.
 */
export function podsVerdict(server: KubeObject, observed: Observed, { version }: Configuration): PodsVerdict {
  const { deployment } = observed;
  const named = namedVersion({ deployment, serverUid: server.metadata.uid ?? "" });
  if (deployment === undefined || named === undefined) {
    return no("WaitingForDeployment", "The policy server has no Deployment yet: see DeploymentReconciled");
  }
  const replicas = (deployment.spec as { replicas?: number } | undefined)?.replicas ?? 1;
  if (replicas === 0) return no("NoReplicas", "The policy server has no pods, and none of its policies is served");

  const pods = podFactsOf(observed).filter((pod) => !pod.finished && !pod.terminating);
  if (named === version && isWritten(server) && isRolledOut(deployment, replicas)) {
    return { is: true, reason: "PodsReady", message: `${replicas} of ${replicas} pods are ready` };
  }
  return whatHoldsBack(pods, deployment) ??
    no("PodsNotReady", progressOf(deployment, pods, { replicas, named, version }));
}

/** Whether the Deployment of this generation was written: an older pass may have left an older one. */
function isWritten({ metadata, status }: KubeObject): boolean {
  const written = findCondition({ status }, "DeploymentReconciled");
  return written?.status === "True" && written.observedGeneration === metadata.generation;
}

function isRolledOut({ metadata, status }: KubeObject, replicas: number): boolean {
  const { observedGeneration = 0, updatedReplicas = 0, availableReplicas = 0, ...counts } =
    (status ?? {}) as DeploymentStatus;
  return observedGeneration >= (metadata.generation ?? 0) && updatedReplicas >= replicas &&
    availableReplicas >= replicas && (counts.replicas ?? 0) <= updatedReplicas;
}

function whatHoldsBack(pods: PodFacts[], deployment: KubeObject): PodsVerdict | undefined {
  const serving = pods.filter(({ ready }) => ready).length;
  const meanwhile = serving === 0 ? "" : `\nMeanwhile ${serving} ${serving === 1 ? "pod serves" : "pods serve"} on`;
  const stuck = pods.find(({ ready, loadFailures, problem }) => !ready && (loadFailures.length > 0 || problem));
  if (stuck !== undefined && stuck.loadFailures.length > 0) {
    const failures = stuck.loadFailures.map(({ policy, message }) => `policy "${policy}": ${message}`).join("\n");
    return no("PolicyLoadFailed", `Pod "${stuck.name}" cannot load what it is to serve:\n${failures}${meanwhile}`);
  }
  if (stuck?.problem !== undefined) {
    const { reason, message } = stuck.problem;
    return no(reason, withAdvice(reason, `Pod "${stuck.name}" does not start: ${message}`) + meanwhile);
  }
  const refused = creationProblemOf(deployment);
  if (refused === undefined) return undefined;
  return no(refused.reason, withAdvice(refused.reason, `Pods cannot be created: ${refused.message}`) + meanwhile);
}

function progressOf(
  { status }: KubeObject,
  pods: PodFacts[],
  { replicas, named, version }: { replicas: number; named: string; version: string },
): string {
  const ready = pods.filter((pod) => pod.ready && pod.version === version).length;
  const { conditions } = (status ?? {}) as DeploymentStatus;
  const late = named === version &&
    conditions?.some(({ type, reason }) => type === "Progressing" && reason === "ProgressDeadlineExceeded");
  const told = `${ready} of ${replicas} pods are ready with the present configuration`;
  return late ? `${told}, and that takes longer than the Deployment allows: see the log of its pods` : told;
}

function no(reason: PodsVerdict["reason"], message: string): PodsVerdict {
  return { is: false, reason, message: reason === "NoReplicas" ? withAdvice(reason, message) : message };
}
