import { KubewardenError } from "../contracts/errors.ts";
import type { KindRef, KubeObject } from "../contracts/kubernetes.ts";
import { backoffMs } from "./backoff.ts";
import type { Kube, WatchEvent } from "./kube.ts";
import type { Log } from "./log.ts";
import { sleep } from "./sleep.ts";

/** Which objects a cache holds. */
export type WatchQuery = KindRef & { namespace?: string; labelSelector?: string; fieldSelector?: string };

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
  readonly #minBackoffMs: number;
  readonly #maxBackoffMs: number;
  readonly #objects = new Map<string, KubeObject>();
  readonly #listeners = new Set<(change: ObjectChange) => void>();
  readonly #synced = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #resourceVersion = "";
  #isSynced = false;
  #failures = 0;

  constructor(kube: Kube, query: WatchQuery, o: { log: Log; minBackoffMs?: number; maxBackoffMs?: number }) {
    this.query = query;
    this.#kube = kube;
    this.#log = o.log.child({ cache: query.kind, namespace: query.namespace });
    this.#minBackoffMs = o.minBackoffMs ?? 100;
    this.#maxBackoffMs = o.maxBackoffMs ?? 10_000;
  }

  /** Runs until the signal; a second call changes nothing. The promise ends with the cache and never rejects. */
  start(signal: AbortSignal): Promise<void> {
    this.#running ??= this.#run(signal);
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

  async #run(signal: AbortSignal): Promise<void> {
    let mustList = true;
    while (!signal.aborted) {
      try {
        if (mustList) {
          await this.#relist(signal);
          mustList = false;
        }
        const events = await this.#follow(signal);
        // A stream that ends before it said anything must not become a busy loop.
        if (events === 0) this.#failures = Math.min(this.#failures + 1, 3);
      } catch (error) {
        if (signal.aborted) return;
        const code = error instanceof KubewardenError ? error.code : undefined;
        this.#failures++;
        // An unreachable server says nothing about our place in the stream: go on from there. Anything else: list anew.
        mustList ||= code !== "KUBE_UNREACHABLE";
        const level = code === "KUBE_GONE" ? "debug" : this.#failures > 1 ? "warn" : "info";
        this.#log[level]("watch interrupted", { error, failures: this.#failures });
      }
      if (this.#failures === 0) continue;
      const pause = backoffMs(this.#failures - 1, { minMs: this.#minBackoffMs, maxMs: this.#maxBackoffMs });
      await sleep(pause, signal).catch(() => undefined); // Aborted: the loop ends.
    }
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const { items, resourceVersion } = await this.#kube.list(this.query, { ...this.query, signal });
    const listed = new Set<string>();
    for (const item of items) {
      const { name, namespace } = item.metadata;
      listed.add(keyOf(name, namespace));
      this.#put(item);
    }
    for (const [key, object] of [...this.#objects]) if (!listed.has(key)) this.#drop(key, object);
    this.#resourceVersion = resourceVersion;
    this.#isSynced = true;
    this.#synced.resolve();
  }

  async #follow(signal: AbortSignal): Promise<number> {
    let events = 0;
    const from = { ...this.query, resourceVersion: this.#resourceVersion, signal };
    for await (const event of this.#kube.watch(this.query, from)) {
      events++;
      this.#failures = 0;
      this.#take(event);
    }
    return events;
  }

  #take({ type, object }: WatchEvent): void {
    if (type === "DELETED") this.#drop(keyOf(object.metadata.name, object.metadata.namespace), object);
    else if (type !== "BOOKMARK") this.#put(object);
    this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
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
