import { messageOf } from "../../contracts/errors.ts";
import { records } from "../schema/builtin/access.ts";
import { celValueOf } from "../schema/cel-values.ts";
import { matchConditionProgram } from "../schema/match-conditions.ts";
import { forbiddenRequest } from "../schema/status-error.ts";
import type { AdmissionAttributes } from "./admission.ts";
import type { Webhook } from "./match.ts";
import { reviewRequestFor } from "./review.ts";

/**
 * Whether all matchConditions hold. One that is false leaves the webhook out whatever the others do; otherwise one that
 * fails to evaluate refuses the request under failurePolicy Fail, and leaves the webhook out under Ignore.
 */
export function conditionsHold(webhook: Webhook, attributes: AdmissionAttributes): boolean {
  const conditions = records(webhook.matchConditions);
  if (conditions.length === 0) return true;
  const variables = {
    object: celValueOf(attributes.object ?? null),
    oldObject: celValueOf(attributes.oldObject ?? null),
    request: celValueOf(reviewRequestFor(attributes, "")),
  };
  const failures: string[] = [];
  for (const { name, expression } of conditions) {
    const program = matchConditionProgram(String(expression));
    if (typeof program === "string") {
      failures.push(program);
      continue;
    }
    try {
      if (program.evaluate(variables) !== true) return false;
    } catch (error) {
      failures.push(`matchCondition '${name}': ${messageOf(error).split("\n")[0]}`);
    }
  }
  if (failures.length === 0) return true;
  if (webhook.failurePolicy === "Ignore") return false;
  throw forbiddenRequest(attributes.type, attributes.name, failures.join(", "));
}
