import type { Metrics } from "../../../runtime/telemetry/metrics.ts";
import type { EvaluationObserver } from "./evaluation-observer.ts";

/** Upstream's labels (reference/policy-server.md 8.1.5); those of a request are absent for raw ones. */
const labels = [
  "policy_name",
  "policy_mode",
  "resource_kind",
  "resource_request_operation",
  "accepted",
  "mutated",
  "request_origin",
  "resource_namespace",
  "error_code",
];

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts and times evaluations: upstream's two metrics, and one in seconds with buckets for what a webhook may take. */
export function evaluationMetrics(metrics: Metrics): EvaluationObserver {
  const total = metrics.counter("kubewarden_policy_evaluations_total", "Evaluations of policies", [
    ...labels,
    "initialization_error",
  ]);
  const latency = metrics.histogram(
    "kubewarden_policy_evaluation_latency_milliseconds",
    "Time of an evaluation in whole milliseconds, without the time it waited",
    { labels },
  );
  const duration = metrics.histogram(
    "kubewarden_policy_evaluation_duration_seconds",
    "Time of an evaluation in seconds, without the time it waited",
    { labels: ["policy_name", "policy_mode", "request_origin"], buckets: secondsBuckets },
  );
  return {
    evaluated({ rules, origin, facts, plain, ms }) {
      const values = {
        policy_name: rules.policy,
        policy_mode: rules.mode,
        accepted: plain.allowed,
        mutated: plain.patch !== undefined,
        request_origin: origin,
        error_code: plain.status?.code,
        ...(facts === undefined ? {} : {
          resource_kind: facts.requestKind?.kind ?? "",
          resource_request_operation: facts.operation,
          resource_namespace: facts.namespace ?? undefined,
        }),
      };
      total.inc(values);
      latency.observe(Math.trunc(ms), values);
      duration.observe(ms / 1000, values);
    },
    // The code and not, as upstream, the text, which may be different for every policy and every try.
    notInitialized: (policy, code) => total.inc({ policy_name: policy, initialization_error: code }),
  };
}
