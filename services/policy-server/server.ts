import { type HttpServer, serve } from "../../runtime/http/server.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import type { Metrics } from "../../runtime/telemetry/metrics.ts";
import { startTelemetry, type Telemetry } from "../../runtime/telemetry/otlp.ts";
import { Profiling } from "../../runtime/telemetry/profiling.ts";
import { sleep, whenAborted } from "../../runtime/sleep.ts";
import { pprofRoutes } from "./api/pprof.ts";
import { probeHandler } from "./api/probes.ts";
import { type ApiContext, apiHandler, maxBodyBytes, refuseRequest } from "./api/routes.ts";
import type { Config } from "./config.ts";
import { GuestPool, type PoolOptions } from "./guest/pool.ts";
import { spawnGuestWorker } from "./guest/spawn.ts";
import { trustHost } from "./host/image-trust.ts";
import { imageHost } from "./host/oci.ts";
import { lazyTrustRoot, sigstoreTrust } from "./host/sigstore-trust.ts";
import { type ConnectCluster, connectDefaultCluster, type Host, startHost } from "./host/start.ts";
import { moduleSupply } from "./modules/supply.ts";
import { verificationOf } from "./modules/verify/setup.ts";
import { problemsIn } from "./policies/catalogue.ts";
import { loadPolicies } from "./policies/load.ts";
import { policiesInvalid, type PolicyProblem } from "./policies/problems.ts";
import { readPolicies, readSources, readTrustConfig } from "./policies/read-config.ts";
import { evaluationMetrics } from "./telemetry/evaluation-metrics.ts";
import { tracedRun } from "./telemetry/guest-spans.ts";
import { metricsPage } from "./telemetry/metrics-page.ts";
import { poolObserver, startCountingShed } from "./telemetry/pool-metrics.ts";
import { countRequests } from "./telemetry/request-metrics.ts";
import { readTls, watchTls } from "./tls.ts";

/** The Kubewarden release whose policies this server runs; what `minimumKubewardenVersion` is compared with. */
export const kubewardenVersion = "1.36.0";

export type PolicyServer = {
  url: string;
  readinessUrl: string;
  /** Resolves when the server has stopped after its signal: delay over, last answer sent, threads ended. */
  closed: Promise<void>;
};

// Longer than any webhook may take, shorter with the delay than a pod's usual grace period of 30 s.
const drainMs = 15_000;
const pagesPerMiB = 16;

/**
 * Loads the policies and serves them until the signal; resolves once ready. Throws POLICIES_INVALID naming every policy
 * that cannot be served.
 */
export async function startPolicyServer(
  config: Config,
  { log, signal, spawn = spawnGuestWorker, connect = connectDefaultCluster }: {
    log: Log;
    signal: AbortSignal;
    spawn?: PoolOptions["spawn"];
    connect?: ConnectCluster;
  },
): Promise<PolicyServer> {
  const file = await readPolicies(config.policiesFile, log);
  const sources = await readSources(config.sourcesFile);
  await lookAtUnused(config, log);
  const supply = await moduleSupply({ ...config, sources, log, signal });
  const verify = await verificationOf(config, log);
  const tls = config.tls && await readTls(config.tls, log);
  const started = performance.now();
  const telemetry = await startTelemetry({
    service: "kubewarden-policy-server",
    pushMetrics: config.pushMetrics ?? false,
    pushTraces: config.pushTraces ?? false,
    log,
  });
  const { metrics, tracer } = telemetry;
  const serving = new AbortController();
  let pool: GuestPool | undefined, host: Host | undefined;
  try {
    const { readerFor } = supply;
    const verifyImages = trustHost(sigstoreTrust({ readerFor, trustRoot: lazyTrustRoot(config), log }));
    host = await startHost(file, {
      config,
      connect,
      images: { oci: imageHost(supply), verify: verifyImages },
      metrics,
      log,
    });
    const { answerHostCall } = host;
    pool = await startPool(config, { answerHostCall, metrics, log, spawn });
    const { run } = pool, { inventories } = host;
    const catalogue = await loadPolicies(file, {
      loadModule: supply.loader({
        serverVersion: kubewardenVersion,
        verify,
        maxMemoryPages: config.memoryLimitMiB * pagesPerMiB,
      }),
      run: tracer === undefined ? run : tracedRun(run, (name, attributes) => tracer.start(name, { attributes })),
      contextDataFor: (runnable) => inventories.contextDataFor(runnable),
      defaultTimeoutMs: config.policyTimeoutMs,
      log,
      signal,
    });
    // Nothing is served without a cluster that it needs, also where broken policies would be left out.
    if (host.problems.length > 0) throw policiesInvalid([...host.problems, ...problemsIn(catalogue)]);
    reportProblems(problemsIn(catalogue), config, log);
    log.info("Policies loaded", { policies: catalogue.size, ms: Math.round(performance.now() - started) });
    startCountingShed(metrics, catalogue.keys());
    const context = {
      catalogue,
      run,
      log,
      alwaysAcceptNamespace: config.alwaysAcceptNamespace,
      evaluations: evaluationMetrics(metrics),
      tracing: tracer && { tracer, host: telemetry.host },
    };
    const life = { stopping: signal, signal: serving.signal };
    const api = await serveApi(config, context, { metrics, tls: tls?.options, ...life });
    const profiling = config.enablePprof ? await Profiling.start(log) : undefined;
    const readiness = await serveProbes(config, { metrics, log, profiling, ...life });
    if (config.tls && tls) {
      const { contents: known, options } = tls;
      void watchTls(config.tls, { known, options, setTls: api.setTls, log, signal: serving.signal });
    }
    log.info("Ready", { url: api.url, readiness: `${readiness.url}/readiness`, workers: config.workers });
    const closed = stopInOrder({
      api,
      readiness,
      pool,
      host,
      telemetry,
      serving,
      log,
      delayMs: config.shutdownDelayMs,
      signal,
    });
    return { url: api.url, readinessUrl: `${readiness.url}/readiness`, closed };
  } catch (error) {
    serving.abort();
    pool?.close();
    host?.close();
    await telemetry.close();
    throw error;
  }
}

/** Ends the start with every problem there is, unless the operator wants the other policies served nevertheless. */
function reportProblems(problems: readonly PolicyProblem[], { continueOnErrors }: Config, log: Log): void {
  if (problems.length === 0) return;
  if (!continueOnErrors) throw policiesInvalid(problems);
  for (const { policy, code, message } of problems) {
    log.error("A policy cannot be served and will answer with its error", { policy, code, reason: message });
  }
}

/** Without signature requirements nothing depends on this file yet, so that a broken one is only told. */
async function lookAtUnused({ verificationFile, sigstoreTrustConfigFile }: Config, log: Log): Promise<void> {
  if (verificationFile !== undefined || sigstoreTrustConfigFile === undefined) return;
  try {
    await readTrustConfig(sigstoreTrustConfigFile);
  } catch (error) {
    log.warn("A configuration file cannot be used; nothing depends on it yet", { error });
  }
}

function startPool(
  { workers, maxWaiting }: Config,
  { answerHostCall, metrics, log, spawn }: Pick<PoolOptions, "answerHostCall" | "log" | "spawn"> & { metrics: Metrics },
): Promise<GuestPool> {
  return GuestPool.start({
    workers,
    maxWaiting,
    log,
    observer: poolObserver(metrics),
    spawn,
    answerHostCall,
  });
}

type Parts = {
  api: HttpServer;
  readiness: HttpServer;
  pool: GuestPool;
  host: Host;
  telemetry: Telemetry;
  serving: AbortController;
  log: Log;
  delayMs: number;
  signal: AbortSignal;
};

async function stopInOrder(
  { api, readiness, pool, host, telemetry, serving, log, delayMs, signal }: Parts,
): Promise<void> {
  await whenAborted(signal);
  log.info("Stopping: not ready any more", { acceptingForMs: delayMs });
  await sleep(delayMs);
  serving.abort();
  await Promise.all([api.closed, readiness.closed]);
  pool.close();
  host.close();
  await telemetry.close();
}

type Life = { stopping: AbortSignal; signal: AbortSignal };
type Api = Life & { metrics: Metrics; tls: Parameters<HttpServer["setTls"]>[0] | undefined };

function serveApi(config: Config, context: ApiContext, { metrics, tls, stopping, signal }: Api) {
  const { host, port, maxConnections } = config;
  return serve(countRequests(apiHandler(context), metrics), {
    host,
    port,
    flags: { address: "--addr", port: "--port" },
    ...(tls === undefined ? {} : { tls }),
    maxConnections,
    maxBodyBytes,
    refuse: refuseRequest,
    drainMs,
    log: context.log,
    stopping,
    signal,
  });
}

/** Always plain HTTP; opened only once everything is loaded, and failing as soon as the server is asked to stop. */
function serveProbes(
  { host, readinessPort }: Config,
  { metrics, log, profiling, stopping, signal }: Life & {
    metrics: Metrics;
    log: Log;
    profiling: Profiling | undefined;
  },
) {
  signal.addEventListener("abort", () => profiling?.close(), { once: true });
  const routes = { "/metrics": metricsPage(metrics), ...(profiling ? pprofRoutes(profiling) : {}) };
  return serve(probeHandler(stopping, routes), {
    host,
    port: readinessPort,
    flags: { address: "--addr", port: "--readiness-probe-port" },
    log,
    signal,
  });
}
