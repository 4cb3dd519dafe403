import type { ResourceKey, Storage } from "./storage.ts";

/**
 * Decides when watchers of a collection may see its events. Every collection lags on its own, as the caches of a real API
 * server and its clients do: an event may be seen long after an event of another kind that was written later.
 */
export class WatchHub {
  readonly #storage: Storage;
  readonly #lagMs: () => number;
  readonly #hidden = new Map<ResourceKey, { revision: number; timer: NodeJS.Timeout }[]>();
  readonly #listeners = new Map<ResourceKey, Set<() => void>>();
  readonly #unsubscribe: () => void;

  constructor(storage: Storage, lagMs: () => number) {
    this.#storage = storage;
    this.#lagMs = lagMs;
    this.#unsubscribe = storage.onEvent((resource, { revision }) => this.#schedule(resource, revision));
  }

  /** Watchers of this collection have been shown everything up to here. */
  visibleRevision(resource: ResourceKey): number {
    const first = this.#hidden.get(resource)?.[0];
    return first === undefined ? this.#storage.revision : first.revision - 1;
  }

  /** Calls the listener whenever more events may be seen. */
  onVisible(resource: ResourceKey, listener: () => void): () => void {
    const listeners = this.#listeners.get(resource) ?? new Set();
    this.#listeners.set(resource, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  stop(): void {
    this.#unsubscribe();
    for (const queue of this.#hidden.values()) for (const { timer } of queue) clearTimeout(timer);
    this.#hidden.clear();
  }

  #schedule(resource: ResourceKey, revision: number): void {
    const lagMs = this.#lagMs();
    const queue = this.#hidden.get(resource) ?? [];
    if (lagMs === 0 && queue.length === 0) return this.#notify(resource);
    const timer = setTimeout(() => {
      // Order is kept: an event that is due lets everything before it through as well.
      const due = queue.findIndex((each) => each.revision === revision);
      for (const early of queue.splice(0, due + 1)) clearTimeout(early.timer);
      this.#notify(resource);
    }, lagMs);
    queue.push({ revision, timer });
    this.#hidden.set(resource, queue);
  }

  #notify(resource: ResourceKey): void {
    for (const listener of this.#listeners.get(resource) ?? []) listener();
  }
}
