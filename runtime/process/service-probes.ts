import { parseAddress } from "../net/address.ts";
import type { ListenFlags } from "../http/listen.ts";
import { type HttpServer, serve } from "../http/server.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { CommonOptions } from "./service-flags.ts";
import type { WatchCache } from "../kube/watch-cache.ts";

type Probes = {
  options: CommonOptions;
  env: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  log: Log;
  metrics: Metrics;
  caches: readonly WatchCache[];
  /** What this replica does now, e.g. `leading`. */
  role: () => string;
};

/**
 * Serves `/healthz`, `/readyz` and `/metrics`. A replica that stands by is ready, too: its caches are what counts. Throws
 * ADDRESS_UNAVAILABLE if one of its addresses cannot be used, and gives back the other.
 */
export async function serveProbes(
  { options, env, signal, log, metrics, caches, role }: Probes,
): Promise<HttpServer[]> {
  const defaultHost = env.KUBEWARDEN_BIND_ADDRESS || "0.0.0.0";
  const health = parseAddress(options.healthProbeBindAddress, defaultHost);
  const metricsAt = parseAddress(options.metricsBindAddress, defaultHost);
  const away = new AbortController();
  const limits = { signal: AbortSignal.any([signal, away.signal]), log, maxBodyBytes: 0, drainMs: 1000 };
  const answerHealth = (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok\n");
    if (pathname !== "/readyz") return new Response("not found\n", { status: 404 });
    const behind = caches.filter(({ synced }) => !synced).map(({ query }) => query.kind);
    return behind.length === 0
      ? new Response(`ok, ${role()}\n`)
      : new Response(`waiting for caches: ${behind.join(", ")}\n`, { status: 503 });
  };
  const answerMetrics = async (request: Request) => {
    if (new URL(request.url).pathname !== "/metrics") return new Response("not found\n", { status: 404 });
    const { contentType, body } = await metrics.text();
    return new Response(body, { headers: { "content-type": contentType } });
  };
  try {
    return await Promise.all([
      ...(health ? [serve(answerHealth, { ...health, ...limits, flags: flagsOf("--health-probe-bind-address") })] : []),
      ...(metricsAt
        ? [serve(answerMetrics, { ...metricsAt, ...limits, flags: flagsOf("--metrics-bind-address") })]
        : []),
    ]);
  } catch (error) {
    away.abort(error);
    throw error;
  }
}

/** One flag says address and port. */
function flagsOf(flag: string): ListenFlags {
  return { address: flag, port: flag };
}
