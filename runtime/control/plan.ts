// pure
import type { Condition, KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";

/**
 * What a controller decided to do about one key. `plan.ts` of every service is a pure function to this; `controller.ts`
 * carries it out in the order: finalizers to add, apply, patch, remove, status, finalizers to drop.
 */
export type Plan = {
  /** Server-side apply under the service's field manager, forced, `fieldValidation=Strict`. */
  apply: KubeObject[];
  /** For what apply cannot do: take away list items that others added to an object of ours. */
  patch?: ObjectPatch[];
  /** Deletes; an object that is already gone counts as done. A `uid` becomes a precondition. */
  remove: ObjectRef[];
  /** Always the full set of status fields this service owns on that object: apply prunes what is left out. */
  status: StatusIntent[];
  finalizers: FinalizerChange[];
  /** Look at this key again after that many milliseconds even if nothing changes. */
  lookAgainAfterMs?: number;
};

/** JSON Merge Patch (RFC 7386); a `metadata.resourceVersion` in it makes it hit the version that was judged, or nothing. */
export type ObjectPatch = { target: ObjectRef; merge: Record<string, unknown> };

/**
 * Apply of `status` (subresource) to an object that must exist: `target.uid` is sent along, so a late write never
 * revives a deleted object. Conditions carry no time here: the carrier keeps the old one where status did not change.
 */
export type StatusIntent = {
  target: ObjectRef & { uid: string };
  conditions: IntendedCondition[];
  /** The other status fields this service owns, e.g. `caBundle`, `policyStatus`. Undefined values are left out. */
  fields?: Record<string, unknown>;
};

export type IntendedCondition = Omit<Condition, "lastTransitionTime">;

/** Adds or drops one finalizer by JSON Patch with a `test` on uid and resourceVersion. */
export type FinalizerChange = {
  target: ObjectRef & { uid: string };
  finalizer: string;
  change: "add" | "drop";
};

/** A plan that does nothing. */
export const nothingToDo: Plan = { apply: [], remove: [], status: [], finalizers: [] };
