import { KubewardenError } from "../../contracts/errors.ts";
import { type KubeObject, type OwnerReference, refOf } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import { WorkQueue } from "../../runtime/control/work-queue.ts";
import type { Storage } from "../api/storage.ts";
import type { TypeRegistry } from "../api/type-registry.ts";
import { apiVersionOf, groupResourceOf, type ResourceType } from "../schema/resource-type.ts";
import { type OwnerState, ownerState, planGarbage } from "./garbage-plan.ts";

/**
 * Deletes what nobody owns any more: background, foreground and orphan. It looks into the storage instead of watching
 * every kind there is, and writes through the API as everybody else.
 */
export async function runGarbageCollector(
  { kube, storage, types, log, delayMs, signal }: {
    kube: Kube;
    storage: Storage;
    types: TypeRegistry;
    log: Log;
    /** How long after a change it looks. */
    delayMs: () => number;
    signal: AbortSignal;
  },
): Promise<void> {
  const queue = new WorkQueue({ minBackoffMs: 50, maxBackoffMs: 2000 });
  const graph = new OwnerGraph();
  const stored = new Map<string, KubeObject>();
  const unsubscribe = storage.onEvent((_resource, { type, object }) => {
    const uid = object.metadata.uid ?? "";
    if (type === "DELETED") {
      stored.delete(uid);
      graph.remove(uid);
    } else {
      stored.set(uid, object);
      graph.set(uid, object.metadata.ownerReferences ?? []);
    }
    const { ownerReferences = [], finalizers = [], deletionTimestamp } = object.metadata;
    const isHeld = finalizers.includes("foregroundDeletion") || finalizers.includes("orphan");
    const concerned = graph.concernedBy(uid, type === "DELETED" ? ownerReferences : []);
    if (type !== "DELETED" && (ownerReferences.length > 0 || isHeld && deletionTimestamp)) concerned.add(uid);
    for (const each of concerned) queue.addAfter(each, delayMs());
  });
  for (const type of types.all()) {
    if (type.virtual) continue;
    for (const object of storage.list(groupResourceOf(type))) {
      stored.set(object.metadata.uid ?? "", object);
      graph.set(object.metadata.uid ?? "", object.metadata.ownerReferences ?? []);
      if (object.metadata.ownerReferences?.length) queue.add(object.metadata.uid ?? "");
    }
  }
  while (!signal.aborted) {
    const uid = await queue.next(signal).catch(() => undefined);
    if (uid === undefined) break;
    try {
      await collect(uid);
      queue.forget(uid);
    } catch (error) {
      log.debug("garbage collection will try again", { uid, error });
      queue.retry(uid);
    } finally {
      queue.done(uid);
    }
  }
  unsubscribe();
  queue.close();

  async function collect(uid: string): Promise<void> {
    const object = stored.get(uid);
    if (!object) return;
    const dependents = graph.dependentsOf(uid).flatMap((each) => stored.get(each) ?? []);
    if (object.metadata.deletionTimestamp !== undefined) return await finishDeletion(object, dependents);
    const references = object.metadata.ownerReferences ?? [];
    const owners = references.map((reference) => ({ reference, state: stateOf(object, reference) }));
    if (owners.some(({ state }) => state === "unknown")) queue.addAfter(uid, 2000);
    const plan = planGarbage(object, { owners, hasDependents: dependents.length > 0 });
    if (plan.do === "dropReferences") await dropReferences(object, plan.uids);
    if (plan.do === "remove") await remove(object, plan.propagationPolicy);
  }

  async function finishDeletion(object: KubeObject, dependents: readonly KubeObject[]): Promise<void> {
    const finalizers = object.metadata.finalizers ?? [];
    if (finalizers.includes("orphan")) {
      for (const each of dependents) await dropReferences(each, [object.metadata.uid ?? ""]);
      await dropFinalizer(object, "orphan");
    }
    if (!finalizers.includes("foregroundDeletion")) return;
    const blocking = dependents.filter((each) =>
      each.metadata.ownerReferences?.some((it) => it.uid === object.metadata.uid && it.blockOwnerDeletion === true)
    );
    for (const each of dependents) queue.add(each.metadata.uid ?? "");
    if (blocking.length === 0) await dropFinalizer(object, "foregroundDeletion");
  }

  function stateOf(dependent: KubeObject, reference: OwnerReference): OwnerState {
    const type = types.ofKind(reference);
    // A cluster-scoped object cannot name an owner inside a namespace: Kubernetes leaves such an object alone.
    if (!type || type.namespaced && dependent.metadata.namespace === undefined) return "unknown";
    const namespace = type.namespaced ? dependent.metadata.namespace : undefined;
    return ownerState(storage.get(groupResourceOf(type), reference.name, namespace), reference);
  }

  function served(object: KubeObject): KubeObject {
    const type = types.ofKind(object) ?? types.all().find((each) => isKindOf(each, object));
    return type ? { ...object, apiVersion: apiVersionOf(type) } : object;
  }

  async function remove(object: KubeObject, propagationPolicy: "Background" | "Foreground" | "Orphan"): Promise<void> {
    await ignoringGone(kube.remove(refOf(served(object)), { propagationPolicy, signal }));
  }

  async function dropReferences(object: KubeObject, uids: readonly string[]): Promise<void> {
    const ownerReferences = (object.metadata.ownerReferences ?? []).filter((each) => !uids.includes(each.uid));
    const { uid, resourceVersion } = object.metadata;
    const body = { metadata: { uid, resourceVersion, ownerReferences } };
    await ignoringGone(kube.patch(refOf(served(object)), body, { type: "merge", signal }));
  }

  async function dropFinalizer(object: KubeObject, finalizer: string): Promise<void> {
    const live = stored.get(object.metadata.uid ?? "");
    if (!live) return;
    const { uid, resourceVersion, finalizers = [] } = live.metadata;
    const body = { metadata: { uid, resourceVersion, finalizers: finalizers.filter((each) => each !== finalizer) } };
    await ignoringGone(kube.patch(refOf(served(live)), body, { type: "merge", signal }));
  }
}

/** Who owns whom, by uid. */
class OwnerGraph {
  readonly #owners = new Map<string, string[]>();
  readonly #dependents = new Map<string, Set<string>>();

  set(uid: string, references: readonly OwnerReference[]): void {
    this.remove(uid);
    this.#owners.set(uid, references.map((each) => each.uid));
    for (const { uid: owner } of references) {
      this.#dependents.set(owner, (this.#dependents.get(owner) ?? new Set()).add(uid));
    }
  }

  remove(uid: string): void {
    for (const owner of this.#owners.get(uid) ?? []) this.#dependents.get(owner)?.delete(uid);
    this.#owners.delete(uid);
  }

  dependentsOf(uid: string): string[] {
    return [...this.#dependents.get(uid) ?? []];
  }

  /** Whom a change of this object concerns: its dependents, and the owners that may wait for its end. */
  concernedBy(uid: string, owners: readonly OwnerReference[]): Set<string> {
    return new Set([...this.dependentsOf(uid), ...owners.map((each) => each.uid)]);
  }
}

async function ignoringGone(write: Promise<unknown>): Promise<void> {
  await write.catch((error) => {
    if (!(error instanceof KubewardenError && error.code === "KUBE_NOT_FOUND")) throw error;
  });
}

function isKindOf(type: ResourceType, object: KubeObject): boolean {
  const group = object.apiVersion.includes("/") ? object.apiVersion.split("/")[0] : "";
  return type.kind === object.kind && type.group === group;
}
