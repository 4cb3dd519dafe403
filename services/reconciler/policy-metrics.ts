// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { policyServerOf, uniqueNameOf } from "./configuration.ts";

export const policyMetric = {
  name: "kubewarden_policy_total",
  help: "Policies that exist: 1 for each, under its present status; their sum is how many there are",
};

type Labels = Record<string, string | boolean>;

/**
 * One series a policy, with upstream's labels (reference/controller.md 7.1), as it stands now. Upstream adds 1 with every
 * pass over the policy, so that old statuses and deleted policies stay (10, B19); a gauge says what the name promises.
 */
export function policySeries(policies: Iterable<KubeObject>): [1, Labels][] {
  return Array.from(policies, (policy) => [1, labelsOf(policy)]);
}

function labelsOf(policy: KubeObject): Labels {
  const { module, mutating, failurePolicy } = (policy.spec ?? {}) as {
    module?: string;
    mutating?: boolean;
    failurePolicy?: string;
  };
  const { policyStatus } = (policy.status ?? {}) as { policyStatus?: string };
  return {
    name: uniqueNameOf(policy),
    policy_server: policyServerOf(policy),
    module: module ?? "",
    mutating: mutating ?? false,
    namespace: policy.metadata.namespace ?? "",
    failure_policy: failurePolicy ?? "",
    policy_status: policyStatus ?? "",
  };
}
