import { KubewardenError } from "../../contracts/errors.ts";
import type { Condition, KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { apiVersion, type PolicyKind } from "../../contracts/names.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import { until, type UntilOptions } from "./until.ts";

/** What the story needs at hand in every step. */
export type Stage = { kube: Kube; modulesHost: string; wait: UntilOptions };

export const policyServer = (name: string): ObjectRef => ({ apiVersion, kind: "PolicyServer", name });

export const policy = (kind: PolicyKind, name: string, namespace?: string): ObjectRef => ({
  apiVersion,
  kind,
  name,
  namespace,
});

/** Waits for a condition to be True of the object as it is now, not of an earlier generation; says what it was instead. */
export function untilCondition({ kube, wait }: Stage, ref: ObjectRef, type: string): Promise<void> {
  return until(`${ref.kind} "${ref.name}" condition ${type}=True`, async () => {
    const object = await kube.get(ref, { signal: wait.signal });
    if (!object) return "no such object";
    const conditions = (object.status as { conditions?: Condition[] } | undefined)?.conditions ?? [];
    const found = conditions.find((each) => each.type === type);
    const { generation = 0 } = object.metadata;
    const { observedGeneration = generation } = object.status as { observedGeneration?: number } ?? {};
    const seen = Math.min(found?.observedGeneration ?? generation, observedGeneration);
    if (found?.status === "True") return seen >= generation || `${type}=True for generation ${seen} of ${generation}`;
    return found ? `${type}=${found.status}, ${found.reason}: ${found.message}` : `no condition ${type} yet`;
  }, wait);
}

export function untilPolicyStatus({ kube, wait }: Stage, ref: ObjectRef, expected: string): Promise<void> {
  return until(`${ref.kind} "${ref.name}" status ${expected}`, async () => {
    const status = (await kube.get(ref, { signal: wait.signal }))?.status as { policyStatus?: string } | undefined;
    return status?.policyStatus === expected || (status?.policyStatus ?? "no policyStatus yet");
  }, wait);
}

export function untilGone({ kube, wait }: Stage, ref: ObjectRef): Promise<void> {
  return until(
    `${ref.kind} "${ref.name}" gone`,
    async () => await kube.get(ref, { signal: wait.signal }) === undefined || "still there",
    wait,
  );
}

export type PodWish = { namespace?: string; name: string; labels?: Record<string, string>; privileged?: boolean };

function podFor({ namespace = "default", name, labels, privileged = false }: PodWish): KubeObject {
  const image = "registry.example/node-agent:1.0";
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, ...(labels ? { labels } : {}) },
    spec: { containers: [{ name: "main", image, ...(privileged ? { securityContext: { privileged } } : {}) }] },
  };
}

/** What the API server makes of a Pod: the Pod as it was stored, or the words of the refusal. */
export async function tryPod({ kube, wait }: Stage, wish: PodWish, dryRun = false): Promise<KubeObject | string> {
  try {
    return await kube.create(podFor(wish), { signal: wait.signal, dryRun });
  } catch (error) {
    if (error instanceof KubewardenError && /admission webhook/.test(error.message)) return error.message;
    throw error;
  }
}

/**
 * Waits (with dry runs, since API servers read webhook changes late) until a Pod is refused with these words, then asks
 * for it in earnest. Returns the refusal.
 */
export async function untilDenied(stage: Stage, wish: PodWish, words: string): Promise<string> {
  await until(`refusal of Pod "${wish.name}" with "${words}"`, async () => {
    const answer = await tryPod(stage, wish, true);
    return typeof answer === "string" ? answer.includes(words) || answer : "admitted";
  }, stage.wait);
  const answer = await tryPod(stage, wish);
  if (typeof answer !== "string") throw new Error(`Pod "${wish.name}" was admitted, after a dry run of it was refused`);
  return answer;
}

/** The same for a Pod that is to be admitted, and of which `check` holds. Returns the stored Pod. */
export async function untilAdmitted(
  stage: Stage,
  wish: PodWish,
  check: (pod: KubeObject) => true | string = () => true,
): Promise<KubeObject> {
  await until(`admission of Pod "${wish.name}"`, async () => {
    const answer = await tryPod(stage, wish, true);
    return typeof answer === "string" ? answer : check(answer);
  }, stage.wait);
  const answer = await tryPod(stage, wish);
  if (typeof answer === "string") {
    throw new Error(`Pod "${wish.name}" was refused, after a dry run of it passed: ${answer}`);
  }
  return answer;
}
