import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube } from "../kube/kube.ts";
import type { FinalizerChange } from "./plan.ts";

/**
 * Adds or drops one finalizer by JSON Patch that tests uid and resourceVersion, so it hits exactly the object that was
 * read. Dropping from an object that is gone is done; adding to one that is gone or terminating throws `KUBE_CONFLICT`.
 * `known` may be old: it saves a read where it is not, and decides nothing by itself.
 */
export async function changeFinalizer(
  kube: Kube,
  change: FinalizerChange,
  { signal, known }: { signal: AbortSignal; known?: KubeObject | undefined },
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const early = attempt === 1 && changesTarget(change, known) ? patchFor(change, known) : undefined;
    const patch = early ?? patchFor(change, await kube.get(change.target, { signal }));
    if (patch === undefined) return;
    try {
      await kube.patch(change.target, patch, { type: "json", signal });
      return;
    } catch (error) {
      const code = error instanceof KubewardenError ? error.code : undefined;
      if (code === "KUBE_NOT_FOUND" && change.change === "drop") return;
      // A failed test is answered with 422; someone wrote in between.
      if (attempt >= 5 || (code !== "KUBE_INVALID" && code !== "KUBE_CONFLICT")) throw error;
    }
  }
}

function changesTarget({ target, change }: FinalizerChange, known: KubeObject | undefined): boolean {
  return known?.metadata.uid === target.uid && (change === "drop" || known.metadata.deletionTimestamp === undefined);
}

function patchFor({ target, finalizer, change }: FinalizerChange, current: KubeObject | undefined) {
  const isTarget = current?.metadata.uid === target.uid;
  const finalizers = current?.metadata.finalizers ?? [];
  const index = finalizers.indexOf(finalizer);
  const tests = [
    { op: "test", path: "/metadata/uid", value: target.uid },
    { op: "test", path: "/metadata/resourceVersion", value: current?.metadata.resourceVersion },
  ];
  if (change === "drop") {
    if (!isTarget || index < 0) return undefined;
    return [...tests, { op: "remove", path: `/metadata/finalizers/${index}` }];
  }
  if (isTarget && index >= 0) return undefined;
  if (!isTarget || current.metadata.deletionTimestamp) {
    const message =
      `Cannot add finalizer "${finalizer}" to ${target.kind} "${target.name}": it is gone or being deleted`;
    throw new KubewardenError("KUBE_CONFLICT", message);
  }
  return finalizers.length === 0
    ? [...tests, { op: "add", path: "/metadata/finalizers", value: [finalizer] }]
    : [...tests, { op: "add", path: "/metadata/finalizers/-", value: finalizer }];
}
