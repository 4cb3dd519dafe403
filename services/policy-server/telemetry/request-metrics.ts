import type { Metrics } from "../../../runtime/telemetry/metrics.ts";

const endpoints = ["validate", "audit", "validate_raw"];

/**
 * Counts answers by endpoint and HTTP status: also what is no evaluation, such as bodies that are not taken (4xx), unknown
 * policies (404) and our own failures (500). A client that left before its answer is counted as 499.
 */
export function countRequests(
  handler: (request: Request) => Promise<Response>,
  metrics: Metrics,
): (request: Request) => Promise<Response> {
  const requests = metrics.counter("kubewarden_policy_http_requests_total", "Answers of the API by HTTP status", [
    "endpoint",
    "code",
  ]);
  for (const endpoint of endpoints) for (const code of [200, 500]) requests.inc({ endpoint, code }, 0);
  return async (request) => {
    const [, first = ""] = new URL(request.url).pathname.split("/", 2);
    const endpoint = endpoints.includes(first) ? first : "other";
    try {
      const response = await handler(request);
      requests.inc({ endpoint, code: response.status });
      return response;
    } catch (error) {
      requests.inc({ endpoint, code: request.signal.aborted ? 499 : 500 });
      throw error;
    }
  };
}
