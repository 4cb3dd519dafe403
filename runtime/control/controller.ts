import { KubewardenError } from "../../contracts/errors.ts";
import { stringifyJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { type CarrierOptions, createCarrier, type Lookup, type WriteFailure } from "./carry-out.ts";
import type { EventRecorder } from "./event-recorder.ts";
import type { Kube } from "../kube/kube.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { Passes, type PassesEnded } from "./passes.ts";
import type { Plan, StatusIntent } from "./plan.ts";
import { transitionsOf } from "./status-transitions.ts";
import type { WatchCache } from "../kube/watch-cache.ts";
import type { Shard } from "./shards/shard.ts";
import { WorkQueue } from "./work-queue.ts";

export type { WriteFailure } from "./carry-out.ts";

/** Which keys to look at when an object of the cache changed; asked for the object before and after the change. */
export type Source = {
  cache: WatchCache;
  keysFor: (object: KubeObject) => string[];
  /**
   * What of an object counts; a change that leaves it as it was is no change. Without one everything does. Own fields
   * belong to it, or nobody repairs them. Reports of others do not, or controllers wake each other for nothing.
   */
  view?: (object: KubeObject) => unknown;
};

/** Observe, plan, carry out. A key names one root object, e.g. a PolicyServer; its content is up to the controller. */
export type Controller<Observed> = {
  /** Field manager, name in logs, label in metrics. */
  name: string;
  sources: Source[];
  /** Keys that are looked at from the start, whether or not an object stands for them. */
  always?: readonly string[];
  /** Gathers facts about one key, from caches wherever they suffice. */
  observe: (key: string, signal: AbortSignal, passesEnded: PassesEnded) => Promise<Observed> | Observed;
  /** Pure: facts and time to what to do. */
  plan: (observed: Observed, now: Date) => Plan;
  /** The status to write when object writes failed; each intent replaces the planned one for the same object. */
  onFailure?: (observed: Observed, failures: WriteFailure[], now: Date) => StatusIntent[];
  /** What decides whose key it is where replicas share the work: keys of one share stay together. Default: the key. */
  shareOf?: (key: string) => string;
};

export type ControllerOptions = {
  kube: Kube;
  log: Log;
  metrics: Metrics;
  signal: AbortSignal;
  workers?: number;
  queue?: WorkQueue;
  /** Hears of every change of status; without one no Events are written. */
  events?: EventRecorder;
  now?: () => Date;
  /** This replica's share of the keys; without one all of them. */
  shard?: Shard | undefined;
};

/**
 * Runs a controller until the signal, which ends it without an error. Starts its caches, waits until all are synced,
 * looks at everything once, and then at whatever changes. A failed pass comes again with backoff.
 */
export async function runController<O>(controller: Controller<O>, options: ControllerOptions): Promise<void> {
  const { kube, metrics, signal, workers = 2, queue = new WorkQueue(), events, now = () => new Date(), shard } =
    options;
  const { name, sources, always = [], shareOf = (key) => key } = controller;
  const log = options.log.child({ controller: name });
  const measure = instruments(metrics, name);
  const passes = new Passes();
  const onWrite = measure.wrote;
  const onStatus: CarrierOptions["onStatus"] = (target, before, after) =>
    events?.record(target, transitionsOf(before, after), after.metadata.resourceVersion ?? "");
  const carrier = createCarrier({ kube, fieldManager: name, lookup: lookupIn(sources), signal, onWrite, onStatus });

  const unsubscribe = sources.map(({ cache, keysFor, view }) =>
    cache.onChange(({ before, after }) => {
      if (before && after && view && looksTheSame(view(before), view(after))) return;
      for (const object of [before, after]) for (const key of object ? keysFor(object) : []) queue.add(key);
      measure.depth(queue.depth);
    })
  );
  const addAll = () => {
    for (const key of always) queue.add(key);
    for (const { cache, keysFor } of sources) {
      for (const object of cache.list()) for (const key of keysFor(object)) queue.add(key);
    }
  };
  if (shard) unsubscribe.push(shard.onGain(addAll));
  try {
    for (const { cache } of sources) void cache.start(signal);
    for (const { cache } of sources) await cache.whenSynced(signal);
    addAll();
    log.info("controller started", { waiting: queue.depth });
    await Promise.all(Array.from({ length: workers }, work));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const each of unsubscribe) each();
    queue.close();
    log.info("controller stopped");
  }

  async function work(): Promise<void> {
    for (;;) {
      const key = await queue.next(signal);
      measure.depth(queue.depth);
      const share = shareOf(key);
      if (shard && !shard.enter(share)) {
        // Whoever has it hears of the change as well; and all keys come again when the shares change.
        queue.forget(key);
        queue.done(key);
        continue;
      }
      const started = performance.now();
      const end = passes.begin(key);
      try {
        const lookAgainAfterMs = await reconcile(key);
        queue.forget(key);
        if (lookAgainAfterMs !== undefined) queue.addAfter(key, lookAgainAfterMs);
        measure.passed("ok", performance.now() - started);
        log.debug("reconciled", { key, ms: Math.round(performance.now() - started), lookAgainAfterMs });
      } catch (error) {
        signal.throwIfAborted();
        const retryInMs = Math.round(queue.retry(key));
        measure.passed("failed", performance.now() - started);
        // Someone else was faster than our caches: routine, and the retry sees the newer state.
        const routine = error instanceof KubewardenError && error.code === "KUBE_CONFLICT";
        log[routine ? "debug" : "warn"]("reconcile failed", { key, error, retryInMs });
      } finally {
        end();
        shard?.leave(share);
        queue.done(key);
      }
    }
  }

  async function reconcile(key: string): Promise<number | undefined> {
    const observed = await controller.observe(key, signal, passes.ended);
    const at = now();
    const plan = controller.plan(observed, at);
    await carrier.carryOut(plan, at, (failures) => controller.onFailure?.(observed, failures, at) ?? []);
    return plan.lookAgainAfterMs;
  }
}

function looksTheSame(before: unknown, after: unknown): boolean {
  return stringifyJson(before) === stringifyJson(after);
}

function lookupIn(sources: Source[]): Lookup {
  return (ref) => {
    const caches = sources.map(({ cache }) => cache).filter(({ query }) =>
      query.kind === ref.kind && query.apiVersion === ref.apiVersion
    );
    return {
      object: caches.map((cache) => cache.get(ref.name, ref.namespace)).find((each) => each),
      complete: caches.some((cache) => cache.holds(ref.namespace)),
    };
  };
}

function instruments(metrics: Metrics, controller: string) {
  const passes = metrics.counter("kubewarden_reconciles_total", "Passes over one key by result", [
    "controller",
    "result",
  ]);
  const duration = metrics.histogram("kubewarden_reconcile_duration_seconds", "Time of one pass over one key", {
    labels: ["controller"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  });
  const depth = metrics.gauge("kubewarden_work_queue_depth", "Keys that wait for a worker", ["controller"]);
  const writes = metrics.counter("kubewarden_api_writes_total", "Writes to the Kubernetes API", ["controller", "verb"]);
  return {
    passed(result: "ok" | "failed", ms: number) {
      passes.inc({ controller, result });
      duration.observe(ms / 1000, { controller });
    },
    depth: (value: number) => depth.set(value, { controller }),
    wrote: (verb: string) => writes.inc({ controller, verb }),
  };
}
