import { messageOf } from "../../contracts/errors.ts";
import { allOrNone, type Work } from "./all-or-none.ts";
import { parseCli } from "../cli/cli.ts";
import { type Controller, runController } from "../control/controller.ts";
import { EventRecorder } from "../control/event-recorder.ts";
import { fencedKube } from "../kube/fenced-kube.ts";
import type { Flags, FlagValues } from "../cli/flag-table.ts";
import { connectKube, type Kube } from "../kube/kube.ts";
import { leaseIdentity, whileLeading } from "../kube/lease.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { startTelemetry } from "../telemetry/otlp.ts";
import { type ProcessContext, runProcess } from "./process.ts";
import { rateLimit } from "../kube/rate-limit.ts";
import { countRequests } from "../kube/request-metrics.ts";
import { checkLeaseTimes, commonFlags, type CommonOptions, sharingFlags } from "./service-flags.ts";
import { serveProbes } from "./service-probes.ts";
import { type Sharing, whileSharing } from "../control/shards/while-sharing.ts";
import { whenAborted } from "../sleep.ts";
import { WatchCache, type WatchQuery } from "../kube/watch-cache.ts";

export type ServiceContext<F extends Flags> = {
  kube: Kube;
  log: Log;
  metrics: Metrics;
  /** Ends with the process. */
  signal: AbortSignal;
  options: CommonOptions & FlagValues<F>;
  env: Readonly<Record<string, string | undefined>>;
  /** A cache that starts at once and counts for readiness; also on a replica that stands by. */
  cache(query: WatchQuery): WatchCache;
  /** Runs a controller while this process leads, or its share of it where replicas share the work. */
  run<O>(controller: Controller<O>, options?: { workers?: number }): void;
  /** Runs anything else while this process leads; an error ends the process. */
  whileLeading(work: Work): void;
  /** Whether this replica, and no other, works on a share of the keys now: for what may be told once only. */
  mine(share: string): boolean;
};

export type ServiceSpec<F extends Flags> = {
  /** Name of the process, its Lease and (by convention) its field manager. */
  name: string;
  description: string;
  flags?: F;
  /** Whether `--sharding` is offered. */
  shardable?: boolean;
  /** Wires caches and controllers; called once, before this process leads. */
  start(context: ServiceContext<F>): void | Promise<void>;
};

/** Events of the whole process; what one object may have is the recorder's rule. */
const eventRate = { perSecond: 5, burst: 50 };

/** Runs one controller process from its arguments to its exit code: 0 after SIGTERM, 2 for usage errors, else 1. */
export async function runControllerProcess<F extends Flags = Record<never, never>>(
  spec: ServiceSpec<F>,
  argv: readonly string[],
): Promise<void> {
  await runProcess((context) => runService(spec, argv, context), {
    log: createLog({ fields: { service: spec.name } }),
  });
}

/** The same inside a process that others own, e.g. a test: ends with the signal, throws on failure. */
export async function runService<F extends Flags>(
  spec: ServiceSpec<F>,
  argv: readonly string[],
  { signal: stop, env }: ProcessContext,
): Promise<void> {
  const flags = { ...commonFlags, ...(spec.shardable ? sharingFlags : {}), ...spec.flags };
  type Options = CommonOptions & FlagValues<F> & Partial<FlagValues<typeof sharingFlags>>;
  const options = parseCli({ ...spec, flags }, argv, env) as Options | undefined;
  if (options === undefined) return;
  checkLeaseTimes(options);
  const log = createLog({ level: options.logLevel, format: options.logFmt, fields: { service: spec.name } });
  const telemetry = await startTelemetry({
    service: spec.name,
    pushMetrics: options.enableMetrics,
    pushTraces: false,
    log,
  });
  const { metrics } = telemetry;
  // One failing part takes the whole process down, in order.
  const failure = new AbortController();
  const signal = AbortSignal.any([stop, failure.signal]);
  const access = {
    kubeconfig: options.kubeconfig || undefined,
    userAgent: `kubewarden-edge/${spec.name}`,
    onRequest: countRequests(metrics),
  };
  const limit = rateLimit({ perSecond: options.kubeApiQps, burst: options.kubeApiBurst });
  let mayWrite = () => false;
  const fence = { mayWrite: () => mayWrite() };
  const kube = fencedKube(await connectKube({ ...access, limit }), fence);
  // With a limit of their own: what is told must not hold up what is done.
  const ofEvents = fencedKube(await connectKube({ ...access, limit: rateLimit(eventRate) }), fence);

  const caches: WatchCache[] = [];
  const leadingWorks: Work[] = [];
  const leads = metrics.gauge("kubewarden_leading", "1 while this replica works, 0 while it stands by");
  let sharing: Sharing | undefined;
  const role = () =>
    !mayWrite() ? "standing by" : sharing ? `one of ${sharing.members()} that share the work` : "leading";
  metrics.observed(
    "kubewarden_shard_members",
    "Replicas that share the work, as this one sees it",
    () => sharing ? [[sharing.members(), {}]] : [],
  );
  const servers = await serveProbes({ options, env, signal, log, metrics, caches, role });
  try {
    await spec.start({
      kube,
      log,
      metrics,
      signal,
      options,
      env,
      cache(query) {
        const cache = new WatchCache(kube, query, { log });
        caches.push(cache);
        void cache.start(signal);
        return cache;
      },
      run(controller, { workers } = {}) {
        leadingWorks.push((leading) => {
          const component = controller.name, instance = env.POD_NAME || spec.name;
          const events = new EventRecorder({ kube: ofEvents, log, signal: leading, component, instance });
          const shard = sharing?.shard;
          return runController(controller, { kube, log, metrics, signal: leading, workers, events, shard });
        });
      },
      whileLeading: (work) => void leadingWorks.push(work),
      mine: (share) => mayWrite() && (sharing?.shard.holds(share) ?? true),
    });
    leads.set(0);
    const lead = async (leading: AbortSignal, holds: () => boolean) => {
      mayWrite = holds;
      leads.set(1);
      await allOrNone(leadingWorks, leading).finally(() => leads.set(0));
    };
    const lease = {
      // Without a limit: the work that waits for its turn must not hold up what keeps it allowed.
      kube: await connectKube(access),
      name: spec.name,
      namespace: options.deploymentsNamespace,
      identity: leaseIdentity(env),
      durationMs: options.leaseDuration,
      renewDeadlineMs: options.leaseRenewDeadline,
      retryPeriodMs: options.leaseRetryPeriod,
      log,
      signal,
    };
    if (options.sharding) {
      await whileSharing(lease, (leading, shared) => {
        sharing = shared;
        return lead(leading, shared.holds);
      });
    } else if (options.leaderElect) await whileLeading(lease, lead);
    else await lead(signal, () => true);
    await whenAborted(stop);
  } catch (error) {
    if (!stop.aborted) throw error;
    if (error !== stop.reason) log.warn("stopped with an error", { error: messageOf(error) });
  } finally {
    failure.abort();
    await Promise.all([...servers.map(({ closed }) => closed), telemetry.close()]);
  }
}
