// pure
import { findCondition, policyFindingReasons } from "../../contracts/conditions.ts";
import type { Policy } from "../../contracts/policy.ts";
import { policyFinding } from "../../contracts/policy-checks.ts";

const invalidReasons = policyFindingReasons.filter((each) => each !== "NameCollision");

/**
 * Why the present generation of a policy is none to register, or undefined. The reconciler leaves an invalid generation
 * out by the same check and keeps serving the last good one; made here too, no edit slips through before its word has
 * come. Its word counts as well, since during an upgrade it may know a rule that we do not.
 */
export function problemOf(policy: Policy): string | undefined {
  if (policy.metadata.deletionTimestamp !== undefined) return undefined;
  return policyFinding(policy)?.message ?? foundBefore(policy, invalidReasons);
}

/** Why its name is another policy's, in the words of the reconciler, which then serves the other one under it. */
export function collisionOf(policy: Policy): string | undefined {
  return foundBefore(policy, ["NameCollision"]);
}

function foundBefore(policy: Policy, reasons: readonly string[]): string | undefined {
  const found = findCondition(policy, "PolicyServerConfigurationUpToDate");
  if (found === undefined || found.observedGeneration !== policy.metadata.generation) return undefined;
  return reasons.includes(found.reason) ? found.message : undefined;
}
