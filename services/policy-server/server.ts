import { KubewardenError } from "../../contracts/errors.ts";
import { type HttpServer, serve } from "../../runtime/http-server.ts";
import type { Log } from "../../runtime/log.ts";
import { sleep, whenAborted } from "../../runtime/sleep.ts";
import type { RunGuest } from "./admission/run-policy.ts";
import { probeHandler } from "./api/probes.ts";
import { apiHandler, maxBodyBytes } from "./api/routes.ts";
import type { Config } from "./config.ts";
import { GuestPool } from "./guest/pool.ts";
import { spawnGuestWorker } from "./guest/spawn.ts";
import { answerHostCall } from "./host/dispatch.ts";
import { assertAuthorities } from "./modules/authorities.ts";
import { fetchModule } from "./modules/fetch.ts";
import { moduleLoader } from "./modules/store.ts";
import { type Catalogue, problemsIn } from "./policies/catalogue.ts";
import { loadPolicies } from "./policies/load.ts";
import { policiesInvalid, type PolicyProblem } from "./policies/problems.ts";
import {
  readDockerConfig,
  readPolicies,
  readSources,
  readTrustConfig,
  readVerification,
} from "./policies/read-config.ts";
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
  const file = await readPolicies(config.policiesFile, log);
  const sources = await readSources(config.sourcesFile);
  await assertNothingToVerify(config);
  await lookAtUnused(config, log);
  await assertAuthorities(sources);
  if (sources.proxies) log.warn("Proxies of sources.yml are not available yet and have no effect");
  const tls = config.tls && await readTls(config.tls);
  const started = performance.now();
  const pool = await startPool(config, log);
  const serving = new AbortController();
  try {
    const fetch = (url: string) => fetchModule(url, { sources, signal });
    const catalogue = await loadPolicies(file, {
      loadModule: moduleLoader({ fetch, serverVersion: kubewardenVersion, log }),
      run: pool.run,
      defaultTimeoutMs: config.policyTimeoutMs,
      log,
      signal,
    });
    reportProblems(problemsIn(catalogue), config, log);
    log.info("Policies loaded", { policies: catalogue.size, ms: Math.round(performance.now() - started) });
    const api = await serveApi(config, { catalogue, run: pool.run, log, tls: tls?.options, signal: serving.signal });
    const readiness = await serveReadiness(config, { log, stopping: signal, signal: serving.signal });
    if (config.tls && tls) {
      void watchTls(config.tls, { known: tls.contents, setTls: api.setTls, log, signal: serving.signal });
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

/** Ends the start with every problem there is, unless the operator wants the other policies served nevertheless. */
function reportProblems(problems: readonly PolicyProblem[], { continueOnErrors }: Config, log: Log): void {
  if (problems.length === 0) return;
  if (!continueOnErrors) throw policiesInvalid(problems);
  for (const { policy, code, message } of problems) {
    log.error("A policy cannot be served and will answer with its error", { policy, code, reason: message });
  }
}

/** Upstream would load modules unverified where it cannot verify (reference/policy-server.md 1.8.4). */
async function assertNothingToVerify({ verificationFile }: Config): Promise<void> {
  if (await readVerification(verificationFile) === undefined) return;
  // Serving unverified modules to someone who asked for verification would be worse than not serving.
  throw new KubewardenError(
    "CONFIG_INVALID",
    "signature verification is not available yet: cannot honour the verification configuration",
  );
}

/** Nothing depends on these files yet, so that a broken one is only told. */
async function lookAtUnused({ dockerConfigDir, sigstoreTrustConfigFile }: Config, log: Log): Promise<void> {
  try {
    if (dockerConfigDir !== undefined) await readDockerConfig(dockerConfigDir);
    if (sigstoreTrustConfigFile !== undefined) await readTrustConfig(sigstoreTrustConfigFile);
  } catch (error) {
    log.warn("A configuration file cannot be used; nothing depends on it yet", { error });
  }
}

function startPool({ workers, maxWaiting }: Config, log: Log): Promise<GuestPool> {
  return GuestPool.start({
    workers,
    maxWaiting,
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
  signal: AbortSignal;
};

function serveApi({ host, port, alwaysAcceptNamespace }: Config, { catalogue, run, log, tls, signal }: Api) {
  return serve(apiHandler({ catalogue, run, log, alwaysAcceptNamespace }), {
    host,
    port,
    ...(tls === undefined ? {} : { tls }),
    // The handler has the exact limit and upstream's words for it; this one only bounds what is read at all.
    maxBodyBytes: 2 * maxBodyBytes,
    drainMs,
    log,
    signal,
  });
}

/** Always plain HTTP; opened only once everything is loaded, and failing as soon as the server is asked to stop. */
function serveReadiness(
  { host, readinessPort }: Config,
  { log, stopping, signal }: { log: Log; stopping: AbortSignal; signal: AbortSignal },
) {
  return serve(probeHandler(stopping), { host, port: readinessPort, log, signal });
}
