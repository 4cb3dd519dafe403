import type { Handler } from "../../../runtime/http/server.ts";

/** What the probe port serves by path, beside `/readiness`; each answers GET and HEAD. */
export type ProbeRoutes = Readonly<Record<string, (request: Request) => Response | Promise<Response>>>;

/**
 * The probe port as one web-standard function: `GET /readiness` is 200, or 503 from the moment the server is asked to
 * stop (reference/policy-server.md 2.1.2).
 */
export function probeHandler(stopping: AbortSignal, others: ProbeRoutes = {}): Handler {
  const routes: ProbeRoutes = {
    "/readiness": () => new Response(null, { status: stopping.aborted ? 503 : 200 }),
    ...others,
  };
  return (request) => {
    const { pathname } = new URL(request.url);
    const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
    if (route === undefined) return new Response(null, { status: 404 });
    if (!["GET", "HEAD"].includes(request.method)) {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    }
    return route(request);
  };
}
