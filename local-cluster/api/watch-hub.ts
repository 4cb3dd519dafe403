import type { ResourceKey, Storage } from "./storage.ts";

type Hidden = { revision: number; due: boolean; timer: NodeJS.Timeout };

/**
 * Decides when watchers of a collection may see its events. Every collection lags on its own, as the caches of a real API
 * server and its clients do: an event may be seen long after an event of another kind that was written later.
 */
export class WatchHub {
  readonly #storage: Storage;
  readonly #lagMs: () => number;
  readonly #hidden = new Map<ResourceKey, Hidden[]>();
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
    const entry: Hidden = {
      revision,
      due: false,
      timer: setTimeout(() => {
        entry.due = true;
        // Order is kept: an event that is due waits for those before it.
        const blocked = queue.findIndex((each) => !each.due);
        if (queue.splice(0, blocked < 0 ? queue.length : blocked).length > 0) this.#notify(resource);
      }, lagMs),
    };
    queue.push(entry);
    this.#hidden.set(resource, queue);
  }

  #notify(resource: ResourceKey): void {
    for (const listener of this.#listeners.get(resource) ?? []) listener();
  }
}
