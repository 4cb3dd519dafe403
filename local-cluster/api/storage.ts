import type { KubeObject } from "../../contracts/kubernetes.ts";
import { freezeDeep } from "./values.ts";

/** One write, as watchers see it. `before` is the object that was there. */
export type StoredEvent = {
  readonly revision: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
  readonly before?: KubeObject;
};

/** Which collection: the plural and group, e.g. `deployments.apps`; all versions of a kind share one. */
export type ResourceKey = string;

/** How many events a collection remembers; a watch from before them is answered 410. */
const historyLength = 2000;

type Collection = { objects: Map<string, KubeObject>; history: StoredEvent[]; forgottenUpTo: number };

/**
 * Every object of the cluster, in memory, frozen. All of it is synchronous, so one call is one transaction; the revision
 * grows by one with each write and is what resourceVersion says.
 */
export class Storage {
  #revision = 1;
  readonly #collections = new Map<ResourceKey, Collection>();
  readonly #listeners = new Set<(resource: ResourceKey, event: StoredEvent) => void>();

  get revision(): number {
    return this.#revision;
  }

  get(resource: ResourceKey, name: string, namespace = ""): KubeObject | undefined {
    return this.#collections.get(resource)?.objects.get(`${namespace}/${name}`);
  }

  /** Sorted as etcd sorts keys: by namespace, then name. */
  list(resource: ResourceKey, namespace?: string): KubeObject[] {
    const all = [...this.#collections.get(resource)?.objects ?? []];
    const within = namespace === undefined ? all : all.filter(([key]) => key.startsWith(`${namespace}/`));
    return within.sort(([left], [right]) => left < right ? -1 : 1).map(([, object]) => object);
  }

  /** Stores a new object, or answers undefined where the name is taken. */
  create(resource: ResourceKey, object: KubeObject): KubeObject | undefined {
    const { objects } = this.#collection(resource);
    if (objects.has(keyOf(object))) return undefined;
    const stored = this.#stamp(object);
    objects.set(keyOf(stored), stored);
    this.#record(resource, { revision: this.#revision, type: "ADDED", object: stored });
    return stored;
  }

  /** Replaces exactly the object that was read, or answers undefined where it has changed or gone meanwhile. */
  update(resource: ResourceKey, before: KubeObject, object: KubeObject): KubeObject | undefined {
    const { objects } = this.#collection(resource);
    if (objects.get(keyOf(before)) !== before) return undefined;
    const stored = this.#stamp(object);
    objects.set(keyOf(before), stored);
    this.#record(resource, { revision: this.#revision, type: "MODIFIED", object: stored, before });
    return stored;
  }

  /** Removes exactly the object that was read; answers its last state, with the revision of the removal. */
  remove(resource: ResourceKey, before: KubeObject, last: KubeObject = before): KubeObject | undefined {
    const { objects } = this.#collection(resource);
    if (objects.get(keyOf(before)) !== before) return undefined;
    objects.delete(keyOf(before));
    const object = this.#stamp(last);
    this.#record(resource, { revision: this.#revision, type: "DELETED", object, before });
    return object;
  }

  /** Events after a revision, or "gone" where they are no longer known. */
  eventsSince(resource: ResourceKey, revision: number): readonly StoredEvent[] | "gone" {
    const { history, forgottenUpTo } = this.#collection(resource);
    return revision < forgottenUpTo ? "gone" : history.filter((event) => event.revision > revision);
  }

  onEvent(listener: (resource: ResourceKey, event: StoredEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #stamp(object: KubeObject): KubeObject {
    this.#revision++;
    return freezeDeep({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } });
  }

  #record(resource: ResourceKey, event: StoredEvent): void {
    const collection = this.#collection(resource);
    collection.history.push(event);
    if (collection.history.length > historyLength) {
      collection.forgottenUpTo = collection.history.shift()?.revision ?? collection.forgottenUpTo;
    }
    for (const listener of this.#listeners) listener(resource, event);
  }

  #collection(resource: ResourceKey): Collection {
    const existing = this.#collections.get(resource);
    if (existing) return existing;
    const made: Collection = { objects: new Map(), history: [], forgottenUpTo: 0 };
    this.#collections.set(resource, made);
    return made;
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
