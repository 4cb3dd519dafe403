// pure
import { condition, type ConditionReason, findCondition } from "../../contracts/conditions.ts";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import { annotations, uniqueName } from "../../contracts/names.ts";
import type { Policy } from "../../contracts/policy.ts";
import type { IntendedCondition, StatusIntent } from "../../runtime/control/plan.ts";
import type { PolicyFacts } from "./facts.ts";
import { phaseOf } from "./phase.ts";
import { isRegistered, standingWebhooks, type Withdrawal } from "./registration.ts";
import { collisionOf } from "./validity.ts";
import { relaxedSince } from "./webhook.ts";

/** Whose status a write is about. */
export function targetOf(policy: Policy): StatusIntent["target"] {
  return { ...refOf(policy), uid: policy.metadata.uid ?? "" };
}

/** Requests are sent to the policy, by these webhooks. */
export function registeredStatus(facts: PolicyFacts, webhooks: KubeObject[]): StatusIntent {
  return statusOf(facts, {
    registered: true,
    active: active(facts, webhooks, "The API server sends matching requests"),
  });
}

/** The same while the present generation is not valid. */
export function keptStatus(facts: PolicyFacts, webhooks: KubeObject[], problem: string): StatusIntent {
  const words =
    `The API server sends the requests that the last valid generation asked for. This one is not: ${problem}`;
  return statusOf(facts, { registered: true, active: active(facts, webhooks, words) });
}

/** Nothing is registered, because nothing may be yet. */
export function waitingStatus(facts: PolicyFacts): StatusIntent {
  const { policy, server } = facts;
  const reachable = findCondition(policy, "PolicyUniquelyReachable");
  const missing = facts.taken.length > 0
    ? `The webhook "${uniqueName(policy.kind, policy.metadata)}" belongs to another policy: recreate one of the two`
    : facts.invalid !== undefined
    ? `This generation is not valid: ${facts.invalid}`
    : server?.caBundle === undefined
    ? `PolicyServer "${server?.name}" has no certificate yet`
    : facts.deserted
    ? `Waiting until a pod of PolicyServer "${server.name}" is ready`
    : `Waiting until PolicyServer "${server.name}" serves this generation${
      reachable?.message ? `: ${reachable.message}` : ""
    }`;
  return statusOf(facts, { registered: false, active: inactive(policy, "WaitingForPolicyServer", missing) });
}

/** Nothing may be registered. */
export function withdrawnStatus(facts: PolicyFacts, because: Withdrawal): StatusIntent {
  return statusOf(facts, { registered: false, active: withdrawn(facts, because) });
}

/** The API server refuses the webhook of the present spec. */
export function refusedStatus(facts: PolicyFacts, refusal: string): StatusIntent {
  const kept = isRegistered(facts) ? ". The former webhook stays registered" : "";
  return statusOf(facts, {
    registered: isRegistered(facts),
    active: inactive(facts.policy, "WebhookRefused", `Its webhook is refused: ${refusal}${kept}`),
  });
}

/** The webhook did not come into being, and will be tried again. */
export function statusAfterFailedWrite(facts: PolicyFacts, message: string): StatusIntent {
  return statusOf(facts, {
    registered: standingWebhooks(facts).length > 0,
    active: inactive(facts.policy, "WaitingForPolicyServer", `Its webhook is not written yet: ${message}`),
  });
}

function statusOf(
  { policy, server, guard }: PolicyFacts,
  { registered, active }: { registered: boolean; active: IntendedCondition },
): StatusIntent {
  const message = guard?.problem === undefined ? active.message : `${active.message}. But ${guard.problem}`;
  return {
    target: targetOf(policy),
    conditions: [{ ...active, message }],
    fields: { policyStatus: phaseOf(policy, { server, registered }) },
  };
}

function active({ policy, server, guard }: PolicyFacts, webhooks: KubeObject[], words: string): IntendedCondition {
  const { generation } = policy.metadata;
  const [since] = webhooks.map(relaxedSince).filter((each) => each !== undefined);
  if (since === undefined) return condition("PolicyActive", "True", "PolicyActive", words, generation);
  const relaxed =
    `Requests pass without being judged (failurePolicy Ignore) until a pod of PolicyServer "${server?.name}" is ready: none has been since ${since}, and annotation "${annotations.relaxWhenUnavailableAfter}" of the policy ` +
    `asks for this after ${guard?.after}`;
  return condition("PolicyActive", "True", "WebhookRelaxed", relaxed, generation);
}

function withdrawn({ policy }: PolicyFacts, because: Withdrawal): IntendedCondition {
  const server = `PolicyServer "${policy.spec.policyServer}"`;
  switch (because) {
    case "PolicyTerminating":
      return inactive(policy, "PolicyTerminating", "The policy is being deleted: its webhook is removed");
    case "NoServerNamed":
      return inactive(policy, "PolicyServerNotFound", "The policy names no PolicyServer: set spec.policyServer");
    case "PolicyServerNotFound":
      return inactive(
        policy,
        "PolicyServerNotFound",
        `${server} does not exist: create it, and the policy becomes active`,
      );
    case "PolicyServerTerminating":
      return inactive(policy, "PolicyServerNotFound", `${server} is being deleted`);
    case "NameCollision":
      return inactive(policy, "WaitingForPolicyServer", `Another policy is served instead: ${collisionOf(policy)}`);
  }
}

function inactive(
  { metadata: { generation } }: Policy,
  reason: Exclude<ConditionReason<"PolicyActive">, "PolicyActive" | "WebhookRelaxed">,
  message: string,
): IntendedCondition {
  return condition("PolicyActive", "False", reason, message, generation);
}
