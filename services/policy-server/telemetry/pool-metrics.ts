import type { Metrics } from "../../../runtime/telemetry/metrics.ts";
import type { PoolObserver } from "../guest/pool-observer.ts";

const secondsBuckets = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Metrics of the pool: waiting, shedding, replaced threads, memory of guests. `policy_name` is `group/member` for members
 * of groups. What can be counted from the start is zero until it happens, so that the first time is seen as an increase.
 */
export function poolObserver(metrics: Metrics): PoolObserver {
  const queued = metrics.histogram("kubewarden_policy_queue_seconds", "Time a task waited for a thread, in seconds", {
    labels: ["policy_name"],
    buckets: secondsBuckets,
  });
  const length = metrics.gauge("kubewarden_policy_queue_length", "Tasks that wait for a thread");
  const shed = shedRequests(metrics);
  const restarts = metrics.counter("kubewarden_policy_worker_restarts_total", "Sandbox threads that were replaced", [
    "reason",
  ]);
  const memory = metrics.gauge(
    "kubewarden_policy_memory_bytes",
    "Memory a policy's guest had come to at the end of its newest evaluation",
    ["policy_name"],
  );
  length.set(0);
  for (const reason of ["deadline", "crash"] as const) restarts.inc({ reason }, 0);
  return {
    dispatched: (policy, waitedMs) => queued.observe(waitedMs / 1000, { policy_name: policy }),
    waiting: (tasks) => length.set(tasks),
    shed: (policy) => shed.inc({ policy_name: policy }),
    threadReplaced: (reason) => restarts.inc({ reason }),
    guestMemory: (policy, bytes) => memory.set(bytes, { policy_name: policy }),
  };
}

/** Says that nothing of these policies was shed so far. */
export function startCountingShed(metrics: Metrics, policies: Iterable<string>): void {
  for (const policy of policies) shedRequests(metrics).inc({ policy_name: policy }, 0);
}

function shedRequests(metrics: Metrics) {
  return metrics.counter("kubewarden_policy_requests_shed_total", "Tasks that were refused because too many waited", [
    "policy_name",
  ]);
}
