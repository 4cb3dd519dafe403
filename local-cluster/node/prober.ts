import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../contracts/errors.ts";
import type { Container, HttpGetAction, Probe } from "../workloads/pod.ts";
import { freshProbe, probePort, stepProbe } from "./probe-state.ts";

export type ProbeKind = "Startup" | "Readiness" | "Liveness";

export type ProbeListener = {
  started(): void;
  ready(isReady: boolean): void;
  /** A probe that failed once; `fatal` when it used up its `failureThreshold` and the container must go. */
  failed(kind: ProbeKind, message: string, fatal: boolean): void;
};

/** Longest pauses between readiness probes: a real node waits whole periods, a demo must not. */
const unreadyPauseMs = 300, readyPauseMs = 2000;

/** Runs a container's three probes until the signal; liveness and readiness begin once the startup probe succeeded. */
export async function runProbes(
  { container, podIP, listener, signal }: {
    container: Container;
    podIP: string;
    listener: ProbeListener;
    signal: AbortSignal;
  },
): Promise<void> {
  const { startupProbe, readinessProbe, livenessProbe } = container;
  const probe = (kind: ProbeKind, spec: Probe, onVerdict: (good: boolean, message: string) => boolean) =>
    runProbe({ kind, spec, container, podIP, listener, signal, onVerdict });
  if (startupProbe) {
    await probe("Startup", startupProbe, (good, message) => {
      if (!good) listener.failed("Startup", message, true);
      return false;
    });
  }
  if (signal.aborted) return;
  listener.started();
  if (!readinessProbe) listener.ready(true);
  await Promise.all([
    readinessProbe && probe("Readiness", readinessProbe, (good) => {
      listener.ready(good);
      return true;
    }),
    livenessProbe && probe("Liveness", livenessProbe, (good, message) => {
      if (!good) listener.failed("Liveness", message, true);
      return good;
    }),
  ]);
}

async function runProbe(
  { kind, spec, container, podIP, listener, signal, onVerdict }: {
    kind: ProbeKind;
    spec: Probe;
    container: Container;
    podIP: string;
    listener: ProbeListener;
    signal: AbortSignal;
    onVerdict: (good: boolean, message: string) => boolean;
  },
): Promise<void> {
  const periodMs = (spec.periodSeconds ?? 10) * 1000;
  let state = freshProbe;
  await pause((spec.initialDelaySeconds ?? 0) * 1000, signal);
  while (!signal.aborted) {
    const problem = await probeOnce({ spec, container, podIP, signal });
    if (signal.aborted) return;
    if (problem !== undefined) listener.failed(kind, problem, false);
    const before = state.established;
    state = stepProbe(spec, state, problem === undefined);
    if (state.established !== undefined && state.established !== before) {
      if (!onVerdict(state.established, problem ?? "")) return;
    }
    const longest = kind === "Liveness" ? periodMs : state.established === true ? readyPauseMs : unreadyPauseMs;
    await pause(kind === "Startup" ? periodMs : Math.min(periodMs, longest), signal);
  }
}

/** One HTTP probe: undefined when it succeeded (200 to 399), else the sentence of the `Unhealthy` event. */
async function probeOnce(
  { spec, container, podIP, signal }: { spec: Probe; container: Container; podIP: string; signal: AbortSignal },
): Promise<string | undefined> {
  const get = spec.httpGet;
  if (!get) return "the local cluster implements httpGet probes only";
  const port = probePort(get.port, container.ports ?? []);
  if (port === undefined) return `couldn't find port: ${JSON.stringify(get.port)} in container "${container.name}"`;
  const timeout = AbortSignal.timeout((spec.timeoutSeconds ?? 1) * 1000);
  try {
    const status = await statusOf(get, {
      host: get.host ?? podIP,
      port,
      signal: AbortSignal.any([signal, timeout]),
    });
    return status >= 200 && status < 400 ? undefined : `HTTP probe failed with statuscode: ${status}`;
  } catch (error) {
    const url = `${get.scheme?.toLowerCase() ?? "http"}://${podIP}:${port}${get.path ?? "/"}`;
    return `Get "${url}": ${timeout.aborted ? "context deadline exceeded" : messageOf(error)}`;
  }
}

function statusOf(get: HttpGetAction, options: { host: string; port: number; signal: AbortSignal }): Promise<number> {
  const secure = get.scheme === "HTTPS";
  const headers = Object.fromEntries((get.httpHeaders ?? []).map((each) => [each.name, each.value]));
  return new Promise((resolve, reject) => {
    const send = secure ? requestHttps : requestHttp;
    const request = send({
      ...options,
      path: get.path ?? "/",
      // A probe never checks the certificate, as on a real node.
      ...(secure ? { rejectUnauthorized: false } : {}),
      headers: { "user-agent": "kube-probe/1.35", connection: "close", ...headers },
      agent: false,
    }, (response) => {
      // The status is all that counts; a body cut off afterwards is no failure.
      response.on("error", () => {});
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
    request.end();
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {/* aborted: the caller looks at the signal */});
}
