// pure
import { nothingToDo, type Plan, type StatusIntent } from "../../runtime/control/plan.ts";
import type { Observed } from "./facts.ts";
import { planPolicy, policyStatusAfterFailure, type WriteFailure } from "./plan-policy.ts";
import { planServer } from "./plan-server.ts";
import { nameRefOf } from "./webhook.ts";

/** What to write for one key: a policy, a PolicyServer, or a policy that is gone. */
export function planRegistration(observed: Observed): Plan {
  switch (observed.about) {
    case "policy":
      return planPolicy(observed);
    case "server":
      return planServer(observed);
    case "orphan":
      return { ...nothingToDo, remove: observed.webhooks.map(nameRefOf) };
    case "nothing":
      return nothingToDo;
  }
}

/** The status after object writes failed, in the words of the failure. */
export function statusAfterFailure(observed: Observed, failure: WriteFailure): StatusIntent[] {
  return observed.about === "policy" ? policyStatusAfterFailure(observed, failure) : [];
}
