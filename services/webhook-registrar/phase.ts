// pure
import { findCondition } from "../../contracts/conditions.ts";
import type { Policy, PolicyStatus } from "../../contracts/policy.ts";
import type { ServerOfPolicy } from "./facts.ts";

export type Phase = NonNullable<PolicyStatus["policyStatus"]>;

/** `status.policyStatus`; `registered` says whether its webhook stands. The words: docs/architecture.md. */
export function phaseOf(policy: Policy, o: { server?: ServerOfPolicy; registered: boolean }): Phase {
  if (policy.spec.policyServer === "") return "unscheduled";
  if (!o.server || o.server.terminating) return "unschedulable";
  if (o.registered) return "active";
  const configured = findCondition(policy, "PolicyServerConfigurationUpToDate");
  const upToDate = configured?.status === "True" && configured.observedGeneration === policy.metadata.generation;
  return upToDate ? "pending" : "scheduled";
}
