import { KubewardenError } from "../../../../contracts/errors.ts";
import type { Kube } from "../../../../runtime/kube/kube.ts";
import type { Log } from "../../../../runtime/telemetry/log.ts";
import { Collection, type CollectionLimits, type CollectionQuery } from "./collection.ts";
import type { ContextMemory } from "./context-memory.ts";

export type CollectionsLimits = CollectionLimits & {
  maxCollections: number;
  /** One that nobody has asked for that long is stopped. */
  idleMs: number;
  /** A failure is the answer for that long, before it is tried again. */
  failureMs: number;
};

/** What one kind's copies are like, for metrics. */
export type KindState = { apiVersion: string; kind: string; ageMs: number; objects: number; bytes: number };

type Entry = { collection: Collection; usedAt: number; timer?: ReturnType<typeof setTimeout> | undefined };
type Options = { limits: CollectionsLimits; memory: ContextMemory; log: Log; now?: () => number };

/**
 * The copies of cluster objects that policies list: one for each question, shared by all that ask it, bounded in number
 * and memory. What was used longest ago makes room; what is not used any more is stopped.
 */
export class Collections {
  readonly #kube: Kube;
  readonly #options: Options;
  readonly #now: () => number;
  /** The one that was used last is the last. */
  readonly #entries = new Map<string, Entry>();

  constructor(kube: Kube, options: Options) {
    this.#kube = kube;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** The copy for a question; the first to ask makes it start. */
  for(query: CollectionQuery): Collection {
    const key = keyOf(query);
    const entry = this.#entries.get(key) ?? this.#start(key, query);
    entry.usedAt = this.#now();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.collection;
  }

  /** One row for each kind; of several copies, the oldest one's age. */
  states(): KindState[] {
    const byKind = new Map<string, KindState>();
    for (const { collection: { query: { apiVersion, kind }, ageMs, count, weight } } of this.#entries.values()) {
      const known = byKind.get(`${apiVersion}/${kind}`) ?? { apiVersion, kind, ageMs: 0, objects: 0, bytes: 0 };
      byKind.set(`${apiVersion}/${kind}`, {
        apiVersion,
        kind,
        ageMs: Math.max(known.ageMs, ageMs),
        objects: known.objects + count,
        bytes: known.bytes + weight,
      });
    }
    return [...byKind.values()];
  }

  /** Ends all of them. */
  close(): void {
    for (const key of [...this.#entries.keys()]) this.#end(key, new Error("the policy server is stopping"));
  }

  #start(key: string, query: CollectionQuery): Entry {
    const { limits, memory, log } = this.#options;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < limits.maxCollections) break;
      this.#end(oldest, new KubewardenError("HOST_CALL_FAILED", "dropped: policies list too many different things"));
    }
    const { apiVersion, kind, namespace } = query;
    const ownLog = log.child({ apiVersion, kind, namespace });
    const entry: Entry = {
      usedAt: this.#now(),
      collection: new Collection(this.#kube, query, {
        limits,
        log: ownLog,
        now: this.#now,
        resized: (more) => {
          memory.resizeCopies(more);
          if (more > 0) this.#makeRoom(key, entry);
        },
        failed: (error) => {
          ownLog.warn("Cannot follow objects that a policy asks for", { error });
          this.#endAfter(key, entry, limits.failureMs);
        },
      }),
    };
    this.#entries.set(key, entry);
    this.#endWhenIdle(key, entry);
    return entry;
  }

  /** Others go first; one that is too large all by itself goes too. */
  #makeRoom(growingKey: string, growing: Entry): void {
    const { limits: { failureMs }, memory, log } = this.#options;
    for (const key of this.#entries.keys()) {
      if (!memory.isOverfull) return;
      if (key === growingKey) continue;
      log.warn("Dropping a copy of cluster objects, to make room", { key });
      this.#end(key, new KubewardenError("HOST_CALL_FAILED", "dropped to make room for other objects"));
    }
    if (!memory.isOverfull) return;
    const { apiVersion, kind } = growing.collection.query;
    const message = `Cannot list ${apiVersion}/${kind}: its objects take more than ${memory.maxBytes} bytes`;
    log.warn(message);
    growing.collection.stop(new KubewardenError("HOST_CALL_FAILED", message));
    // Listing it is expensive, and it will hardly be smaller soon.
    this.#endAfter(growingKey, growing, 30 * failureMs);
  }

  #endWhenIdle(key: string, entry: Entry): void {
    const { idleMs } = this.#options.limits;
    const leftMs = entry.usedAt + idleMs - this.#now();
    if (leftMs <= 0) return this.#end(key, new Error("nobody asks any more"));
    entry.timer = setTimeout(() => this.#endWhenIdle(key, entry), leftMs);
  }

  #endAfter(key: string, entry: Entry, ms: number): void {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => this.#entries.get(key) === entry && this.#end(key, undefined), ms);
  }

  #end(key: string, why: unknown): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    clearTimeout(entry.timer);
    entry.collection.stop(why);
    this.#options.memory.forget(entry.collection);
  }
}

function keyOf({ apiVersion, kind, namespace, labelSelector, fieldSelector, fieldMasks }: CollectionQuery): string {
  const masks = fieldMasks && [...new Set(fieldMasks)].sort();
  return JSON.stringify([apiVersion, kind, namespace, labelSelector, fieldSelector, masks]);
}
