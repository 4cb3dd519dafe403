import type { KubeObject } from "../../contracts/kubernetes.ts";
import { cloneJson, equalJson } from "../schema/clone.ts";
import { isRecord } from "../schema/schema.ts";
import { typesOfCrd } from "../schema/crd.ts";
import type { ApiContext } from "./context.ts";
import { timestamp } from "./timestamp.ts";
import { objectAt, valueAt } from "./values.ts";
import { removeIfReleased } from "./write/remove.ts";

export const crdResource = "customresourcedefinitions.apiextensions.k8s.io";
const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/**
 * Serves what CustomResourceDefinitions define, once they are Established: a moment after their creation. Deleting one
 * deletes its objects first.
 */
export function createCrdController(context: ApiContext): { stop(): void } {
  const { storage, types, random, disturbances } = context;
  const timers = new Set<NodeJS.Timeout>();
  const later = (ms: number, act: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  };
  const unsubscribe = storage.onEvent((resource, { type, object }) => {
    const { name } = object.metadata;
    if (resource === crdResource) {
      if (type === "DELETED") return types.setCustom(name, []);
      later(disturbances ? random.between(20, 400) : 5, () => settle(context, name));
    } else if (type === "DELETED") {
      // The last object of a kind that is going away.
      const owner = storage.get(crdResource, resource);
      if (owner?.metadata.deletionTimestamp !== undefined) later(0, () => settle(context, resource));
    }
  });
  return {
    stop() {
      unsubscribe();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** Brings one CRD forward: established, or cleaned up. */
function settle(context: ApiContext, name: string): void {
  const { storage, types } = context;
  const stored = storage.get(crdResource, name);
  const type = types.ofKind({ apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" });
  if (stored === undefined || type === undefined) return;
  const next = cloneJson(stored);
  if (stored.metadata.deletionTimestamp !== undefined) {
    if (!stored.metadata.finalizers?.includes(cleanupFinalizer)) return;
    types.setTerminating(name);
    setCondition(
      context,
      next,
      "Terminating",
      "True",
      "InstanceDeletionInProgress",
      "CustomResource deletion is in progress",
    );
    if (deleteInstances(context, name) === 0) {
      next.metadata.finalizers = stored.metadata.finalizers.filter((each) => each !== cleanupFinalizer);
      if (removeIfReleased(storage, type, stored, next)) return;
    }
  } else {
    next.metadata.finalizers = [...new Set([...stored.metadata.finalizers ?? [], cleanupFinalizer])];
    objectAt(next, "status").acceptedNames = valueAt(stored, "spec", "names");
    setCondition(context, next, "NamesAccepted", "True", "NoConflicts", "no conflicts found");
    setCondition(context, next, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted");
    types.setCustom(name, typesOfCrd(stored));
  }
  if (!equalJson(next, stored)) storage.update(crdResource, stored, next);
}

/** Deletes every object of the kind; answers how many are still there, held by finalizers. */
function deleteInstances({ storage, now }: ApiContext, resource: string): number {
  for (const object of storage.list(resource)) {
    if ((object.metadata.finalizers ?? []).length === 0) storage.remove(resource, object);
    else if (object.metadata.deletionTimestamp === undefined) {
      const metadata = {
        ...object.metadata,
        deletionTimestamp: timestamp(now()),
        deletionGracePeriodSeconds: 0,
        generation: Number(object.metadata.generation ?? 0) + 1,
      };
      storage.update(resource, object, { ...object, metadata });
    }
  }
  return storage.list(resource).length;
}

function setCondition(
  { now }: ApiContext,
  object: KubeObject,
  type: string,
  status: string,
  reason: string,
  message: string,
): void {
  const holder = objectAt(object, "status");
  const conditions = (Array.isArray(holder.conditions) ? holder.conditions : []).filter(isRecord);
  const before = conditions.find((each) => each.type === type);
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : timestamp(now());
  const next = { type, status, reason, message, lastTransitionTime };
  holder.conditions = before ? conditions.map((each) => each === before ? next : each) : [...conditions, next];
}
