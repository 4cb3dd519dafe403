import type { KubeObject } from "../../contracts/kubernetes.ts";
import { type Controller, runController } from "../control/controller.ts";
import { silentLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { nothingToDo, type Plan } from "../control/plan.ts";
import { WatchCache } from "../kube/watch-cache.ts";
import { WorkQueue } from "../control/work-queue.ts";
import { MemoryKube } from "./memory-kube.ts";

export type Root = KubeObject | undefined;
export const rootKind = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer" };
/** The one root object, named `main`. */
export const root = (uid?: string): KubeObject => ({
  ...rootKind,
  metadata: { name: "main", ...(uid ? { uid } : {}) },
});

/** Runs a controller over a MemoryKube that holds one root object, until the condition holds. */
export async function running(o: {
  plan: (root: Root, kube: MemoryKube) => Partial<Plan>;
  onFailure?: Controller<Root>["onFailure"];
  always?: readonly string[];
  prepare?: (kube: MemoryKube) => void | Promise<void>;
}) {
  const kube = new MemoryKube(), stop = new AbortController();
  await kube.create(root());
  await o.prepare?.(kube);
  kube.writes.length = 0;
  const cache = new WatchCache(kube, rootKind, { log: silentLog, minBackoffMs: 1 });
  const passes: Root[] = [];
  const metrics = createMetrics();
  const done = runController<Root>({
    name: "test",
    ...(o.always ? { always: o.always } : {}),
    sources: [{ cache, keysFor: (object) => [object.metadata.name] }],
    observe: (key) => cache.get(key),
    plan: (observed) => {
      passes.push(observed);
      return { ...nothingToDo, ...o.plan(observed, kube) };
    },
    onFailure: o.onFailure,
  }, {
    kube,
    log: silentLog,
    metrics,
    signal: stop.signal,
    queue: new WorkQueue({ minBackoffMs: 1, maxBackoffMs: 5 }),
  });
  return {
    kube,
    passes,
    metrics,
    live: () => kube.objects.get(`${rootKind.apiVersion}/PolicyServer//main`),
    async until(condition: () => boolean) {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
    },
    async stop() {
      stop.abort();
      await done;
    },
  };
}
