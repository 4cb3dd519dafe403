// pure
import { condition, type ConditionReason } from "../../contracts/conditions.ts";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import type { PolicyStatus } from "../../contracts/policy.ts";
import type { StatusIntent } from "../../runtime/control/plan.ts";

type Verdict<T extends "PolicyServerConfigurationUpToDate" | "PolicyUniquelyReachable"> = {
  is: boolean;
  reason: ConditionReason<T>;
  message?: string;
};

/** What the reconciler says about a policy; `servedBy` stands there only while the policy is reachable. */
export type PolicyReport = {
  upToDate: Verdict<"PolicyServerConfigurationUpToDate">;
  reachable: Verdict<"PolicyUniquelyReachable">;
  mode: NonNullable<PolicyStatus["mode"]>;
  servedBy?: Required<NonNullable<PolicyStatus["servedBy"]>>;
};

/** All status fields of a policy that the reconciler owns. */
export function policyStatusFor(
  policy: KubeObject,
  { upToDate, reachable, mode, servedBy }: PolicyReport,
): StatusIntent {
  const { generation } = policy.metadata;
  const words = ({ is, message = "" }: { is: boolean; message?: string }) => [is ? "True" : "False", message] as const;
  const [upToDateStatus, upToDateMessage] = words(upToDate);
  const [reachableStatus, reachableMessage] = words(reachable);
  return {
    target: { ...refOf(policy), uid: policy.metadata.uid ?? "" },
    conditions: [
      condition("PolicyServerConfigurationUpToDate", upToDateStatus, upToDate.reason, upToDateMessage, generation),
      condition("PolicyUniquelyReachable", reachableStatus, reachable.reason, reachableMessage, generation),
    ],
    fields: { mode, servedBy },
  };
}

/** The status of a policy that no server can serve, for one reason that holds for both conditions. */
export function unservedStatusFor(
  policy: KubeObject,
  reason: "PolicyServerNotFound" | "PolicyServerTerminating" | "PolicyServerInvalid",
  message: string,
): StatusIntent {
  const verdict = { is: false, reason, message };
  return policyStatusFor(policy, { upToDate: verdict, reachable: verdict, mode: "unknown" });
}
