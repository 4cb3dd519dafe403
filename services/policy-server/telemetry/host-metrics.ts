import type { Metrics } from "../../../runtime/telemetry/metrics.ts";
import type { KindState } from "../host/kubernetes/collections.ts";

/** Counts host calls that a policy was not allowed to make. `capability` must be a known path, or `unknown`. */
export function countRefusals(metrics: Metrics): (policy: string, capability: string) => void {
  const refusals = metrics.counter(
    "kubewarden_policy_host_call_refusals_total",
    "Host calls that were refused, since the policy has not been granted them",
    ["policy_name", "capability"],
  );
  return (policy, capability) => refusals.inc({ policy_name: policy, capability });
}

/** Tells what copies of cluster objects there are. Their kinds are those that owners of policies have named. */
export function observeCopies(metrics: Metrics, states: () => readonly KindState[]): void {
  const observe = (name: string, help: string, value: (state: KindState) => number) =>
    metrics.observed(
      name,
      help,
      () => states().map((state) => [value(state), { api_version: state.apiVersion, kind: state.kind }]),
    );
  observe(
    "kubewarden_policy_kubernetes_cache_age_seconds",
    "How long changes of listed objects have not been heard, in seconds",
    ({ ageMs }) => ageMs / 1000,
  );
  observe("kubewarden_policy_kubernetes_cache_objects", "Objects that are kept for policies", ({ objects }) => objects);
  observe(
    "kubewarden_policy_kubernetes_cache_bytes",
    "Bytes of objects that are kept for policies",
    ({ bytes }) => bytes,
  );
}
