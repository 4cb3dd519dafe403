import type { KubeObject } from "../../contracts/kubernetes.ts";
import { expired, statusErrorOf } from "./failures.ts";
import type { ObjectFilter } from "./selectors.ts";
import type { ResourceKey, Storage, StoredEvent } from "./storage.ts";
import type { WatchHub } from "./watch-hub.ts";

/** One line of a watch response. */
export type WatchLine = { type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR"; object: unknown };

export type WatchSpec = {
  readonly resource: ResourceKey;
  readonly namespace: string | undefined;
  readonly matches: ObjectFilter;
  /** Events after this revision; undefined starts with the objects that are there. */
  readonly since: number | undefined;
  readonly bookmarks: boolean;
  /** `sendInitialEvents`: a bookmark marks the end of the initial objects. */
  readonly markInitialEnd: boolean;
  readonly bookmarkObject: (revision: number, initialEnd: boolean) => unknown;
  /** When the stream ends by itself, and whether with a 410. */
  readonly endAfterMs: number;
  readonly endGone: boolean;
  readonly signal: AbortSignal;
};

const bookmarkEveryMs = 5_000;

/** The lines of one watch: in order, only what the hub shows, with objects entering and leaving the selection. */
export async function* watchLines(storage: Storage, hub: WatchHub, spec: WatchSpec): AsyncGenerator<WatchLine> {
  const { resource, signal } = spec;
  const inScope = (object: KubeObject) =>
    (spec.namespace === undefined || object.metadata.namespace === spec.namespace) && spec.matches(object);
  let seen = spec.since ?? storage.revision;
  if (spec.since === undefined) {
    for (const object of storage.list(resource, spec.namespace).filter(spec.matches)) yield { type: "ADDED", object };
    if (spec.markInitialEnd) yield { type: "BOOKMARK", object: spec.bookmarkObject(seen, true) };
  }
  const waiter = new Waiter();
  const unsubscribe = hub.onVisible(resource, waiter.wake);
  signal.addEventListener("abort", waiter.wake);
  const endsAt = performance.now() + spec.endAfterMs;
  let bookmarkAt = performance.now() + bookmarkEveryMs;
  try {
    while (!signal.aborted) {
      const visible = hub.visibleRevision(resource);
      const events = storage.eventsSince(resource, seen);
      if (events === "gone") return yield goneLine(seen);
      for (const event of events) {
        if (event.revision > visible) break;
        const line = lineFor(event, inScope);
        if (line) yield line;
      }
      seen = Math.max(seen, visible);
      const now = performance.now();
      if (now >= endsAt) {
        if (spec.endGone) yield goneLine(seen);
        return;
      }
      if (spec.bookmarks && now >= bookmarkAt) {
        yield { type: "BOOKMARK", object: spec.bookmarkObject(seen, false) };
        bookmarkAt = performance.now() + bookmarkEveryMs;
      }
      const nextMs = Math.min(endsAt, spec.bookmarks ? bookmarkAt : endsAt) - performance.now();
      await waiter.wait(Math.max(1, Math.min(nextMs, 2 ** 31 - 1)));
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", waiter.wake);
  }
}

/** An ERROR line that tells the client to list again. */
export function goneLine(revision: number): WatchLine {
  const message = `too old resource version: ${revision} (${revision + 1})`;
  return { type: "ERROR", object: statusErrorOf(expired(message)).status };
}

function lineFor({ type, object, before }: StoredEvent, inScope: ObjectFilter): WatchLine | undefined {
  const was = before !== undefined && inScope(before);
  if (type === "DELETED") return was ? { type, object } : undefined;
  const is = inScope(object);
  if (is) return { type: was ? "MODIFIED" : "ADDED", object };
  if (!was) return undefined;
  // The last state that was selected, at the revision that took it out.
  const { resourceVersion } = object.metadata;
  return { type: "DELETED", object: { ...before, metadata: { ...before?.metadata, resourceVersion } } };
}

/** Sleeps until woken or for a time; a wake-up between two sleeps is not lost. */
class Waiter {
  #woken = false;
  #resolve: (() => void) | undefined;

  readonly wake = (): void => {
    this.#woken = true;
    this.#resolve?.();
  };

  async wait(ms: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#woken = false;
    this.#resolve = undefined;
  }
}
