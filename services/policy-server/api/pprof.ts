import { KubewardenError } from "../../../contracts/errors.ts";
import { stringifyJson } from "../../../contracts/json.ts";
import type { Profiling } from "../../../runtime/telemetry/profiling.ts";
import { respond } from "../../../runtime/http/respond.ts";
import type { ProbeRoutes } from "./probes.ts";

/**
 * Profiles for `go tool pprof`: `GET /debug/pprof/cpu?interval=<seconds>&frequency=<Hz>` and `GET /debug/pprof/heap`
 * (reference/policy-server.md 2.1.3). On the probe port, since nobody is asked who they are, and the API is for everybody.
 */
export function pprofRoutes(profiling: Profiling): ProbeRoutes {
  return {
    "/debug/pprof/cpu": (request) => getOnly(request, () => cpu(request, profiling)),
    "/debug/pprof/heap": (request) => getOnly(request, async () => attachment("heap_profile", await profiling.heap())),
  };
}

async function cpu({ url, signal }: Request, profiling: Profiling): Promise<Response> {
  const { searchParams } = new URL(url);
  const seconds = wholeNumber(searchParams.get("interval") ?? "30", 600);
  const hz = wholeNumber(searchParams.get("frequency") ?? "99", 1000);
  if (seconds === undefined) return problem(400, "interval must be a whole number of seconds from 1 to 600");
  if (hz === undefined) return problem(400, "frequency must be a whole number from 1 to 1000");
  try {
    return attachment("cpu_profile", await profiling.cpu({ seconds, hz, signal }));
  } catch (error) {
    // Upstream answers 500 without a reason, which nobody can act on.
    if (error instanceof KubewardenError && error.code === "PROFILE_RUNNING") return problem(409, error.message);
    throw error;
  }
}

function getOnly({ method }: Request, answer: () => Promise<Response>): Response | Promise<Response> {
  return method === "GET" ? answer() : respond(405, { allow: "GET" }, null);
}

function attachment(name: string, bytes: Uint8Array): Response {
  const headers = {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="${name}"`,
  };
  return respond(200, headers, bytes);
}

function problem(status: number, message: string): Response {
  return respond(status, { "content-type": "application/json" }, stringifyJson({ message, status }));
}

function wholeNumber(text: string, max: number): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= 1 && value <= max ? value : undefined;
}
