import type { Metrics } from "../../../runtime/metrics.ts";

/** Counts host calls that a policy was not allowed to make. `capability` must be a known path, or `unknown`. */
export function countRefusals(metrics: Metrics): (policy: string, capability: string) => void {
  const refusals = metrics.counter(
    "kubewarden_policy_host_call_refusals_total",
    "Host calls that were refused, since the policy has not been granted them",
    ["policy_name", "capability"],
  );
  return (policy, capability) => refusals.inc({ policy_name: policy, capability });
}
