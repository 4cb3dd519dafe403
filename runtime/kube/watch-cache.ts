import type { KubeObject } from "../../contracts/kubernetes.ts";
import { followKind, type KindQuery, type KindSink } from "./follow-kind.ts";
import type { Kube } from "./kube.ts";
import type { Log } from "../telemetry/log.ts";

/** Which objects a cache holds. */
export type WatchQuery = KindQuery;

/** `before` is absent for a new object, `after` for a deleted one. */
export type ObjectChange = { before?: KubeObject; after?: KubeObject };

/**
 * A copy of some objects, kept by list and watch. It lags behind the server, and caches of different kinds lag apart.
 * No change is missed: after a break the new list is compared with what was known. Treat the objects as read-only.
 */
export class WatchCache {
  readonly query: WatchQuery;
  readonly #kube: Kube;
  readonly #log: Log;
  readonly #options: { log: Log; minBackoffMs: number; maxBackoffMs: number };
  readonly #objects = new Map<string, KubeObject>();
  readonly #listeners = new Set<(change: ObjectChange) => void>();
  readonly #synced = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #isSynced = false;

  constructor(kube: Kube, query: WatchQuery, o: { log: Log; minBackoffMs?: number; maxBackoffMs?: number }) {
    this.query = query;
    this.#kube = kube;
    this.#log = o.log.child({ cache: query.kind, namespace: query.namespace });
    this.#options = { log: this.#log, minBackoffMs: o.minBackoffMs ?? 100, maxBackoffMs: o.maxBackoffMs ?? 10_000 };
  }

  /** Runs until the signal; a second call changes nothing. The promise ends with the cache and never rejects. */
  start(signal: AbortSignal): Promise<void> {
    this.#running ??= followKind(this.#kube, this.query, { ...this.#options, sink: this.#sink(), signal });
    return this.#running;
  }

  /** Whether the first list is in. */
  get synced(): boolean {
    return this.#isSynced;
  }

  whenSynced(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const aborted = () => reject(signal.reason);
      signal.addEventListener("abort", aborted, { once: true });
      void this.#synced.promise.then(() => {
        signal.removeEventListener("abort", aborted);
        resolve();
      });
    });
  }

  /** Whether an object of that namespace would be found here if it existed: no selector hides it. */
  holds(namespace?: string): boolean {
    const { namespace: own, labelSelector, fieldSelector } = this.query;
    return !labelSelector && !fieldSelector && (own === undefined || own === namespace);
  }

  list(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  get(name: string, namespace?: string): KubeObject | undefined {
    return this.#objects.get(keyOf(name, namespace));
  }

  /** Calls back after every change, in order; the returned function ends that. */
  onChange(listener: (change: ObjectChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What `followKind` hears from the server becomes what this cache holds. */
  #sink(): KindSink {
    let listed = new Set<string>();
    return {
      listing: () => listed = new Set(),
      listed: (object) => {
        listed.add(keyOf(object.metadata.name, object.metadata.namespace));
        this.#put(object);
      },
      complete: () => {
        for (const [key, object] of [...this.#objects]) if (!listed.has(key)) this.#drop(key, object);
        listed = new Set();
        this.#isSynced = true;
        this.#synced.resolve();
      },
      put: (object) => this.#put(object),
      drop: (object) => this.#drop(keyOf(object.metadata.name, object.metadata.namespace), object),
    };
  }

  #put(object: KubeObject): void {
    const key = keyOf(object.metadata.name, object.metadata.namespace);
    const before = this.#objects.get(key);
    if (before && sameVersion(before, object)) return;
    this.#objects.set(key, object);
    this.#emit({ before, after: object });
  }

  #drop(key: string, last: KubeObject): void {
    const before = this.#objects.get(key) ?? last;
    this.#objects.delete(key);
    this.#emit({ before });
  }

  #emit(change: ObjectChange): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        // One listener's fault must not stop the stream for the others.
        this.#log.error("a listener of the cache failed", { error });
      }
    }
  }
}

function keyOf(name: string, namespace = ""): string {
  return `${namespace}/${name}`;
}

function sameVersion(one: KubeObject, other: KubeObject): boolean {
  return one.metadata.uid === other.metadata.uid && one.metadata.resourceVersion === other.metadata.resourceVersion;
}
