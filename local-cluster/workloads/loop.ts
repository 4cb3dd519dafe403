import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import type { WatchCache } from "../../runtime/kube/watch-cache.ts";
import { WorkQueue } from "../../runtime/control/work-queue.ts";

/** A level-based controller of the cluster itself: changes of some kinds become keys, a key is looked at anew each time. */
export type Loop = {
  name: string;
  sources: { cache: WatchCache; keysFor: (object: KubeObject) => string[] }[];
  /** Does what is needed for one key; answers after how many milliseconds to look again, if at all. */
  reconcile: (key: string, signal: AbortSignal) => Promise<number | undefined>;
};

/** Runs a loop until the signal. Failures come again with backoff: a conflict is the normal way to learn of a change. */
export async function runLoop(
  loop: Loop,
  { log, signal, workers = 2 }: { log: Log; signal: AbortSignal; workers?: number },
): Promise<void> {
  const queue = new WorkQueue({ minBackoffMs: 20, maxBackoffMs: 2000 });
  const own = log.child({ loop: loop.name });
  const unsubscribe = loop.sources.map(({ cache, keysFor }) =>
    cache.onChange(({ before, after }) => {
      for (const object of [before, after]) if (object) { for (const key of keysFor(object)) queue.add(key); }
    })
  );
  await Promise.all(loop.sources.map(({ cache }) => cache.whenSynced(signal))).catch(() => undefined);
  for (const { cache, keysFor } of loop.sources) {
    for (const object of cache.list()) for (const key of keysFor(object)) queue.add(key);
  }
  await Promise.all(Array.from({ length: workers }, () => work()));
  queue.close();
  for (const end of unsubscribe) end();

  async function work(): Promise<void> {
    while (!signal.aborted) {
      const key = await queue.next(signal).catch(() => undefined);
      if (key === undefined) return;
      try {
        const lookAgainAfterMs = await loop.reconcile(key, signal);
        queue.forget(key);
        if (lookAgainAfterMs !== undefined) queue.addAfter(key, lookAgainAfterMs);
      } catch (error) {
        if (signal.aborted) return;
        own.debug("will try again", { key, error });
        queue.retry(key);
      } finally {
        queue.done(key);
      }
    }
  }
}

/** `namespace/name`, the key of a namespaced object. */
export function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}

/** Namespace and name of a key made by `keyOf`. */
export function partsOfKey(key: string): { namespace: string; name: string } {
  const [namespace = "", name = ""] = key.split("/");
  return { namespace, name };
}
