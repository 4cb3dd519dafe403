// pure
import type { podProblemReasons } from "../../contracts/conditions.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";

/** Why a pod of a policy server does not come up, or is not even created. */
export type PodProblem = { reason: (typeof podProblemReasons)[number]; message: string };

type ContainerState = {
  waiting?: { reason?: string; message?: string };
  terminated?: { reason?: string; message?: string; exitCode?: number };
};
export type PodStatus = {
  phase?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  containerStatuses?: { name: string; ready?: boolean; state?: ContainerState; lastState?: ContainerState }[];
};

/** What people see in the pod's status or Events, in Kubernetes' words; undefined while nothing is known to be wrong. */
export function podProblemOf(pod: KubeObject, events: readonly KubeObject[]): PodProblem | undefined {
  const status = (pod.status ?? {}) as PodStatus;
  const unscheduled = status.conditions?.find((each) => each.type === "PodScheduled" && each.status === "False");
  if (unscheduled) return { reason: "PodUnschedulable", message: join(unscheduled.reason, unscheduled.message) };
  for (const container of status.containerStatuses ?? []) {
    const problem = waitingProblem(container.state?.waiting, eventsAbout(pod, events)) ?? endingOf(container);
    if (problem) return problem;
  }
  return status.phase === "Running" ? undefined : creationFailure(eventsAbout(pod, events));
}

/** Why the Deployment's ReplicaSet cannot create pods: quotas, Pod Security, a missing ServiceAccount. */
export function creationProblemOf(deployment: KubeObject | undefined): PodProblem | undefined {
  const { conditions } = (deployment?.status ?? {}) as PodStatus;
  const failure = conditions?.find((each) => each.type === "ReplicaFailure" && each.status === "True");
  if (!failure) return undefined;
  // Admission refuses with one code whoever refuses; ResourceQuota is known by its words only.
  const reason = /\b(exceeded|failed) quota\b/.test(failure.message ?? "") ? "QuotaExceeded" : "PodCreationRefused";
  return { reason, message: join(failure.reason, failure.message) };
}

/** Waiting reasons that pass by themselves are no problem yet; after a crash the ending says more than the waiting. */
const untelling = new Set(["ContainerCreating", "PodInitializing", "CrashLoopBackOff"]);
const ofImages = new Set([
  "ErrImageNeverPull",
  "ErrImagePull",
  "ImageInspectError",
  "ImagePullBackOff",
  "InvalidImageName",
  "RegistryUnavailable",
  "SignatureValidationFailed",
]);

function waitingProblem(
  waiting: ContainerState["waiting"],
  events: readonly KubeObject[],
): PodProblem | undefined {
  if (waiting?.reason === undefined || untelling.has(waiting.reason)) return undefined;
  const message = join(waiting.reason, waiting.message);
  if (ofImages.has(waiting.reason)) {
    const secret = events.find(({ reason }) => reason === pullSecretMissing);
    return { reason: "ImagePullFailed", message: secret ? `${message}; ${String(secret.message ?? "")}` : message };
  }
  return { reason: isMissing(message) ? "SecretOrConfigMapMissing" : "PolicyServerStartFailed", message };
}

/** How the container ended last, in its own words if it left any. */
function endingOf({ state, lastState }: NonNullable<PodStatus["containerStatuses"]>[number]): PodProblem | undefined {
  const ended = state?.terminated ?? lastState?.terminated;
  if (!ended) return undefined;
  const how = `${ended.reason ?? "Ended"}, exit code ${ended.exitCode ?? "unknown"}`;
  const words = [state?.terminated?.message, lastState?.terminated?.message].find((each) => each?.trim());
  return { reason: "CrashLoop", message: words === undefined ? how : `${how}: ${words.trim()}` };
}

const pullSecretMissing = "FailedToRetrieveImagePullSecret";
const ofSandboxes = "FailedCreatePodSandBox";
const ofVolumes = new Set(["FailedAttachVolume", "FailedMount"]);

/** Whether an Event about a pod says what the pod's status does not. */
export function isTelling({ reason }: KubeObject): boolean {
  return reason === pullSecretMissing || reason === ofSandboxes || ofVolumes.has(String(reason));
}

/** Until there is a container, the status says only that it is being created. */
function creationFailure(events: readonly KubeObject[]): PodProblem | undefined {
  const failure = events.find(({ reason }) => ofVolumes.has(String(reason))) ??
    events.find(({ reason }) => reason === ofSandboxes);
  if (!failure) return undefined;
  const message = join(String(failure.reason), String(failure.message ?? ""));
  if (failure.reason === ofSandboxes) return { reason: "PolicyServerStartFailed", message };
  return { reason: isMissing(message) ? "SecretOrConfigMapMissing" : "VolumeMountFailed", message };
}

/** The kubelet has one reason for all faults of volumes and one for all of variables; its words tell which object. */
function isMissing(message: string): boolean {
  return /\b(secret|configmap)\b/i.test(message) && /not found|non-existent|couldn't find/i.test(message);
}

function eventsAbout(pod: KubeObject, events: readonly KubeObject[]): readonly KubeObject[] {
  const { uid } = pod.metadata;
  return events.filter(({ involvedObject }) =>
    uid !== undefined && ((involvedObject ?? {}) as { uid?: string }).uid === uid
  );
}

function join(reason: string | undefined, message: string | undefined): string {
  return [reason, message].filter((each) => each !== undefined && each !== "").join(": ");
}
