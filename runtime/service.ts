import { KubewardenError, messageOf } from "../contracts/errors.ts";
import { parseAddress } from "./address.ts";
import { parseCli } from "./cli.ts";
import { type Controller, runController } from "./controller.ts";
import { EventRecorder } from "./event-recorder.ts";
import type { Flags, FlagValues } from "./flag-table.ts";
import { booleanFlag, choiceFlag, durationFlag, textFlag } from "./flags.ts";
import { serve } from "./http-server.ts";
import { connectKube, type Kube } from "./kube.ts";
import { leaseIdentity, whileLeading } from "./lease.ts";
import { createLog, type Log, logLevels } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { startTelemetry } from "./otlp.ts";
import { type ProcessContext, runProcess } from "./process.ts";
import { whenAborted } from "./sleep.ts";
import { WatchCache, type WatchQuery } from "./watch-cache.ts";

const commonFlags = {
  deploymentsNamespace: textFlag("namespace of policy servers and of the Lease", "kubewarden", {
    env: "KUBEWARDEN_DEPLOYMENTS_NAMESPACE",
  }),
  healthProbeBindAddress: textFlag("address of /healthz and /readyz, 0 for none", ":8081", {
    env: "KUBEWARDEN_HEALTH_PROBE_BIND_ADDRESS",
  }),
  metricsBindAddress: textFlag("address of /metrics, 0 for none", ":8080", { env: "KUBEWARDEN_METRICS_BIND_ADDRESS" }),
  enableMetrics: booleanFlag(
    "push metrics by OTLP, to where OTEL_EXPORTER_OTLP_* says; /metrics is there anyway",
    false,
    {
      env: "KUBEWARDEN_ENABLE_METRICS",
    },
  ),
  leaderElect: booleanFlag("work only while holding the Lease", true, { env: "KUBEWARDEN_LEADER_ELECT" }),
  leaseDuration: durationFlag("how long others wait for a silent leader", "15s", { env: "KUBEWARDEN_LEASE_DURATION" }),
  leaseRenewDeadline: durationFlag("a leader that cannot renew for so long stops", "10s", {
    env: "KUBEWARDEN_LEASE_RENEW_DEADLINE",
  }),
  leaseRetryPeriod: durationFlag("time between attempts at the Lease", "2s", { env: "KUBEWARDEN_LEASE_RETRY_PERIOD" }),
  kubeconfig: textFlag("path of a kubeconfig; default KUBECONFIG, then the pod's ServiceAccount", "", {
    placeholder: "path",
  }),
  logLevel: choiceFlag("least level that is logged", logLevels, "info", { env: "KUBEWARDEN_LOG_LEVEL" }),
  logFmt: choiceFlag("format of log lines", ["json", "text"], "json", { env: "KUBEWARDEN_LOG_FMT" }),
};

/** What every controller process understands. */
export type CommonOptions = FlagValues<typeof commonFlags>;

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
  /** Runs a controller while this process leads. */
  run<O>(controller: Controller<O>, options?: { workers?: number }): void;
  /** Runs anything else while this process leads; an error ends the process. */
  whileLeading(work: (signal: AbortSignal) => Promise<void>): void;
};

export type ServiceSpec<F extends Flags> = {
  /** Name of the process, its Lease and (by convention) its field manager. */
  name: string;
  description: string;
  flags?: F;
  /** Wires caches and controllers; called once, before this process leads. */
  start(context: ServiceContext<F>): void | Promise<void>;
};

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
  const flags = { ...commonFlags, ...spec.flags };
  const options = parseCli({ ...spec, flags }, argv, env) as CommonOptions & FlagValues<F> | undefined;
  if (options === undefined) return;
  if (options.leaseRetryPeriod >= options.leaseRenewDeadline || options.leaseRenewDeadline >= options.leaseDuration) {
    throw new KubewardenError("USAGE", "expected lease-retry-period < lease-renew-deadline < lease-duration");
  }
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
  const kube = await connectKube({
    kubeconfig: options.kubeconfig || undefined,
    userAgent: `kubewarden-edge/${spec.name}`,
  });

  const caches: WatchCache[] = [];
  const leadingWorks: ((leading: AbortSignal) => Promise<void>)[] = [];
  const servers = await serveProbes({ options, env, signal, log, metrics, caches });
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
          const events = new EventRecorder({ kube, log, signal: leading, component, instance });
          return runController(controller, { kube, log, metrics, signal: leading, workers, events });
        });
      },
      whileLeading: (work) => void leadingWorks.push(work),
    });
    const lead = (leading: AbortSignal) => allOrNone(leadingWorks, leading);
    if (options.leaderElect) {
      await whileLeading({
        kube,
        name: spec.name,
        namespace: options.deploymentsNamespace,
        identity: leaseIdentity(env),
        durationMs: options.leaseDuration,
        renewDeadlineMs: options.leaseRenewDeadline,
        retryPeriodMs: options.leaseRetryPeriod,
        log,
        signal,
      }, lead);
    } else await lead(signal);
    await whenAborted(stop);
  } catch (error) {
    if (!stop.aborted) throw error;
    if (error !== stop.reason) log.warn("stopped with an error", { error: messageOf(error) });
  } finally {
    failure.abort();
    await Promise.all([...servers.map(({ closed }) => closed), telemetry.close()]);
  }
}

/** Runs all until the signal; if one fails, the others are stopped and its error is thrown. */
async function allOrNone(works: ((signal: AbortSignal) => Promise<void>)[], leading: AbortSignal): Promise<void> {
  const failure = new AbortController();
  const signal = AbortSignal.any([leading, failure.signal]);
  const outcomes = await Promise.allSettled(works.map(async (work) => {
    try {
      await work(signal);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  }));
  if (failure.signal.aborted && !leading.aborted) throw failure.signal.reason;
  const rejected = outcomes.find((each) => each.status === "rejected");
  if (rejected && !leading.aborted) throw rejected.reason;
}

type Probes = {
  options: CommonOptions;
  env: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  log: Log;
  metrics: Metrics;
  caches: WatchCache[];
};

async function serveProbes({ options, env, signal, log, metrics, caches }: Probes) {
  const defaultHost = env.KUBEWARDEN_BIND_ADDRESS || "0.0.0.0";
  const health = parseAddress(options.healthProbeBindAddress, defaultHost);
  const metricsAt = parseAddress(options.metricsBindAddress, defaultHost);
  const limits = { signal, log, maxBodyBytes: 0, drainMs: 1000 };
  const answerHealth = (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok\n");
    if (pathname !== "/readyz") return new Response("not found\n", { status: 404 });
    const behind = caches.filter(({ synced }) => !synced).map(({ query }) => query.kind);
    return behind.length === 0
      ? new Response("ok\n")
      : new Response(`waiting for caches: ${behind.join(", ")}\n`, { status: 503 });
  };
  const answerMetrics = async (request: Request) => {
    if (new URL(request.url).pathname !== "/metrics") return new Response("not found\n", { status: 404 });
    const { contentType, body } = await metrics.text();
    return new Response(body, { headers: { "content-type": contentType } });
  };
  return await Promise.all([
    ...(health ? [serve(answerHealth, { ...health, ...limits })] : []),
    ...(metricsAt ? [serve(answerMetrics, { ...metricsAt, ...limits })] : []),
  ]);
}
