// pure
import type { KubeObject, OwnerReference } from "../../contracts/kubernetes.ts";

/** What an owner named by an object is now. `unknown`: its kind is not served, so nothing can be said. */
export type OwnerState = "present" | "waiting" | "absent" | "unknown";

export type GarbagePlan =
  | { do: "nothing" }
  /** Owners that are gone, or wait for this very object, no longer count: another one still does. */
  | { do: "dropReferences"; uids: string[] }
  | { do: "remove"; propagationPolicy: "Background" | "Foreground" | "Orphan" };

/**
 * What the garbage collector does with an object that names owners: k8s.io/kubernetes/pkg/controller/garbagecollector
 * `attemptToDeleteItem`. One present owner keeps it; an unknown one too.
 */
export function planGarbage(
  object: KubeObject,
  { owners, hasDependents }: {
    owners: readonly { reference: OwnerReference; state: OwnerState }[];
    hasDependents: boolean;
  },
): GarbagePlan {
  if (owners.length === 0 || object.metadata.deletionTimestamp !== undefined) return { do: "nothing" };
  const stale = owners.filter(({ state }) => state === "absent" || state === "waiting");
  if (stale.length < owners.length) {
    const uids = stale.map(({ reference }) => reference.uid);
    return uids.length === 0 || owners.some(({ state }) => state === "unknown")
      ? { do: "nothing" }
      : { do: "dropReferences", uids };
  }
  if (hasDependents && owners.some(({ state }) => state === "waiting")) {
    return { do: "remove", propagationPolicy: "Foreground" };
  }
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes("orphan")) return { do: "remove", propagationPolicy: "Orphan" };
  return { do: "remove", propagationPolicy: finalizers.includes("foregroundDeletion") ? "Foreground" : "Background" };
}

/** An owner that is being deleted in the foreground waits for its dependents. */
export function ownerState(owner: KubeObject | undefined, reference: OwnerReference): OwnerState {
  if (owner === undefined || owner.metadata.uid !== reference.uid) return "absent";
  const { deletionTimestamp, finalizers = [] } = owner.metadata;
  return deletionTimestamp !== undefined && finalizers.includes("foregroundDeletion") ? "waiting" : "present";
}
