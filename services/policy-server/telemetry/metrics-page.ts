import type { Metrics } from "../../../runtime/telemetry/metrics.ts";

/** `GET /metrics` in Prometheus' text format. */
export function metricsPage(metrics: Metrics): () => Promise<Response> {
  return async () => {
    const { contentType, body } = await metrics.text();
    return new Response(body, { headers: { "content-type": contentType } });
  };
}
