import { type HttpServer, serve } from "../../runtime/http-server.ts";
import type { Log } from "../../runtime/log.ts";
import { Profiling } from "../../runtime/profiling.ts";
import { sleep, whenAborted } from "../../runtime/sleep.ts";
import type { RunGuest } from "./admission/run-policy.ts";
import { pprofRoutes } from "./api/pprof.ts";
import { probeHandler } from "./api/probes.ts";
import { apiHandler, maxBodyBytes, refuseRequest } from "./api/routes.ts";
import type { Config } from "./config.ts";
import { GuestPool } from "./guest/pool.ts";
import { spawnGuestWorker } from "./guest/spawn.ts";
import { answerHostCall } from "./host/dispatch.ts";
import { assertAuthorities } from "./modules/authorities.ts";
import { fetchModule } from "./modules/fetch.ts";
import { moduleLoader } from "./modules/store.ts";
import type { Catalogue } from "./policies/catalogue.ts";
import { loadPolicies } from "./policies/load.ts";
import { policiesInvalid } from "./policies/problems.ts";
import { readPolicies, readSources } from "./policies/read-config.ts";
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

/**
 * Loads the policies and serves them until the signal; resolves once ready. Throws POLICIES_INVALID naming every policy
 * that cannot be served.
 */
export async function startPolicyServer(
  config: Config,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<PolicyServer> {
  const file = await readPolicies(config.policiesFile);
  const sources = await readSources(config.sourcesFile);
  await assertAuthorities(sources);
  if (sources.proxies) log.warn("Proxies of sources.yml are not available yet and have no effect");
  const tls = config.tls && await readTls(config.tls, log);
  const started = performance.now();
  const pool = await startPool(config, log);
  const serving = new AbortController();
  try {
    const fetch = (url: string) => fetchModule(url, { sources, signal });
    const { catalogue, problems } = await loadPolicies(file, {
      loadModule: moduleLoader({ fetch, serverVersion: kubewardenVersion, log }),
      run: pool.run,
      defaultTimeoutMs: config.policyTimeoutMs,
      log,
      signal,
    });
    if (problems.length > 0) throw policiesInvalid(problems);
    log.info("Policies loaded", { policies: catalogue.size, ms: Math.round(performance.now() - started) });
    const api = await serveApi(config, {
      catalogue,
      run: pool.run,
      log,
      tls: tls?.options,
      stopping: signal,
      signal: serving.signal,
    });
    const profiling = config.enablePprof ? await Profiling.start(log) : undefined;
    const readiness = await serveReadiness(config, { log, stopping: signal, profiling, signal: serving.signal });
    if (config.tls && tls) {
      const { contents: known, options } = tls;
      void watchTls(config.tls, { known, options, setTls: api.setTls, log, signal: serving.signal });
    }
    log.info("Ready", { url: api.url, readiness: `${readiness.url}/readiness`, workers: config.workers });
    const closed = stopInOrder({ api, readiness, pool, serving, log, delayMs: config.shutdownDelayMs, signal });
    return { url: api.url, readinessUrl: `${readiness.url}/readiness`, closed };
  } catch (error) {
    serving.abort();
    pool.close();
    throw error;
  }
}

function startPool({ workers }: Config, log: Log): Promise<GuestPool> {
  return GuestPool.start({
    workers,
    log,
    spawn: spawnGuestWorker,
    answerHostCall: (request, { policy, capabilities }) => answerHostCall(request, { policy, capabilities, log }),
  });
}

type Parts = {
  api: HttpServer;
  readiness: HttpServer;
  pool: GuestPool;
  serving: AbortController;
  log: Log;
  delayMs: number;
  signal: AbortSignal;
};

async function stopInOrder({ api, readiness, pool, serving, log, delayMs, signal }: Parts): Promise<void> {
  await whenAborted(signal);
  log.info("Stopping: not ready any more", { acceptingForMs: delayMs });
  await sleep(delayMs);
  serving.abort();
  await Promise.all([api.closed, readiness.closed]);
  pool.close();
}

type Api = {
  catalogue: Catalogue;
  run: RunGuest;
  log: Log;
  tls: Parameters<HttpServer["setTls"]>[0] | undefined;
  stopping: AbortSignal;
  signal: AbortSignal;
};

function serveApi(config: Config, { catalogue, run, log, tls, stopping, signal }: Api) {
  const { host, port, alwaysAcceptNamespace, maxConnections } = config;
  return serve(apiHandler({ catalogue, run, log, alwaysAcceptNamespace }), {
    host,
    port,
    ...(tls === undefined ? {} : { tls }),
    maxConnections,
    maxBodyBytes,
    refuse: refuseRequest,
    drainMs,
    log,
    stopping,
    signal,
  });
}

/** Always plain HTTP; opened only once everything is loaded, and failing as soon as the server is asked to stop. */
function serveReadiness(
  { host, readinessPort }: Config,
  { log, stopping, profiling, signal }: {
    log: Log;
    stopping: AbortSignal;
    profiling: Profiling | undefined;
    signal: AbortSignal;
  },
) {
  signal.addEventListener("abort", () => profiling?.close(), { once: true });
  return serve(probeHandler(stopping, profiling ? pprofRoutes(profiling) : {}), {
    host,
    port: readinessPort,
    log,
    signal,
  });
}
