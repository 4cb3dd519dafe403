import { kubeRequestInfo } from "./request-info.ts";
import type { KubeRequest } from "./transport.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** Counts what a process asks of the Kubernetes API, in the words of RBAC; code 0 is a request without an answer. */
export function countRequests(metrics: Metrics): (request: KubeRequest, status: number) => void {
  const requests = metrics.counter("kubewarden_api_requests_total", "Requests to the Kubernetes API", [
    "verb",
    "resource",
    "code",
  ]);
  return ({ method, path }, status) => {
    const { verb, resource } = kubeRequestInfo(method, path);
    requests.inc({ verb, resource, code: String(status) });
  };
}
