// pure
import { condition, findCondition } from "../../contracts/conditions.ts";
import { type KubeObject, type ObjectRef, refOf } from "../../contracts/kubernetes.ts";
import { finalizer, legacyFinalizer, uniqueName } from "../../contracts/names.ts";
import type { Policy } from "../../contracts/policy.ts";
import { type IntendedCondition, nothingToDo, type Plan, type StatusIntent } from "../../runtime/plan.ts";
import { foreignItemsPatch, isInPlace } from "./drift.ts";
import type { PolicyFacts } from "./facts.ts";
import { phaseOf } from "./phase.ts";
import { isRegistered, type Registration, registrationFor, standingWebhooks } from "./registration.ts";
import { entriesOf, listOf, nameRefOf, webhookApiVersion, webhookKinds, withBundle } from "./webhook.ts";

/** A refusal may come from something that no watch tells us about, e.g. a missing right. */
const afterRefusalMs = 30_000;

type Target = StatusIntent["target"];

/** What to write for one policy: its webhook, its finalizer and the status fields of this service. */
export function planPolicy(facts: PolicyFacts): Plan {
  const registration = registrationFor(facts);
  if (registration.to === "withdraw") return withdraw(facts, registration.because);
  if (registration.to === "wait") return wait(facts);
  return facts.refusal === undefined ? register(facts, registration.desired) : keepStanding(facts, facts.refusal);
}

/** Why object writes failed; `refused`: the API server judged them, and the same again would fail again. */
export type WriteFailure = { message: string; refused: boolean };

/** Status after the webhook could not be written. What stood before still counts. */
export function policyStatusAfterFailure(facts: PolicyFacts, { message, refused }: WriteFailure): StatusIntent[] {
  if (registrationFor(facts).to !== "register") return [];
  if (refused) return [refusedStatus(facts, message)];
  if (standingWebhooks(facts).length > 0) return [];
  const active = inactive(facts.policy, "WaitingForPolicyServer", `Its webhook is not written yet: ${message}`);
  return [statusOf(facts, { registered: isRegistered(facts), active })];
}

function register(facts: PolicyFacts, desired: KubeObject): Plan {
  const { policy, webhooks } = facts;
  const standing = listOf(webhooks).find(({ kind }) => kind === desired.kind);
  const patch = foreignItemsPatch(desired, standing);
  const inPlace = isInPlace(desired, standing);
  const hasFinalizer = policy.metadata.finalizers?.includes(finalizer) ?? false;
  return {
    // The finalizer comes first, so that a webhook never outlives its policy.
    finalizers: hasFinalizer ? [] : [{ target: targetOf(policy), finalizer, change: "add" }],
    apply: inPlace || patch ? [] : [desired],
    patch: patch ? [patch] : [],
    // Only after the one that takes its place was written: never a moment with neither.
    remove: listOf(webhooks).filter(({ kind }) => kind !== desired.kind).map(nameRefOf),
    status: [statusOf(facts, { registered: true, active: activeCondition(policy) })],
  };
}

/** The new webhook is refused: what stands goes on, with the present bundle. */
function keepStanding(facts: PolicyFacts, refusal: string): Plan {
  const { policy, server } = facts;
  const caBundle = server?.caBundle;
  const outdated = standingWebhooks(facts).filter((each) =>
    entriesOf(each).some(({ clientConfig }) => caBundle !== undefined && clientConfig.caBundle !== btoa(caBundle))
  );
  return {
    ...nothingToDo,
    apply: server && caBundle !== undefined
      ? outdated.map((each) => withBundle(each, { policy, server, caBundle }))
      : [],
    status: [refusedStatus(facts, refusal)],
    lookAgainAfterMs: afterRefusalMs,
  };
}

function wait(facts: PolicyFacts): Plan {
  const { policy, server, webhooks } = facts;
  const standing = standingWebhooks(facts);
  const reachable = findCondition(policy, "PolicyUniquelyReachable");
  const missing = facts.taken.length > 0
    ? `The webhook "${uniqueName(policy.kind, policy.metadata)}" belongs to another policy: recreate one of the two`
    : server?.caBundle === undefined
    ? `PolicyServer "${server?.name}" has no certificate yet`
    : `Waiting until PolicyServer "${server.name}" serves this generation${
      reachable?.message ? `: ${reachable.message}` : ""
    }`;
  const active = standing.length > 0 ? activeCondition(policy) : inactive(policy, "WaitingForPolicyServer", missing);
  return {
    ...nothingToDo,
    // Left from a former server of that name, whose successor does not serve the policy yet.
    remove: listOf(webhooks).filter((each) => !standing.includes(each)).map(nameRefOf),
    status: [statusOf(facts, { registered: standing.length > 0, active })],
  };
}

function withdraw(facts: PolicyFacts, because: Extract<Registration, { to: "withdraw" }>["because"]): Plan {
  const { policy, webhooks } = facts;
  const held = [finalizer, legacyFinalizer].filter((each) => policy.metadata.finalizers?.includes(each));
  // The finalizer says that a webhook may stand even if no cache shows it yet: then both kinds are deleted unseen.
  const remove = held.length > 0 ? bothKinds(facts) : listOf(webhooks).map(nameRefOf);
  return {
    ...nothingToDo,
    remove,
    status: [statusOf(facts, { registered: false, active: withdrawnCondition(facts, because) })],
    finalizers: held.map((each) => ({ target: targetOf(policy), finalizer: each, change: "drop" })),
  };
}

function bothKinds({ policy, taken }: PolicyFacts): ObjectRef[] {
  const name = uniqueName(policy.kind, policy.metadata);
  return webhookKinds.filter((kind) => !taken.includes(kind))
    .map((kind) => ({ apiVersion: webhookApiVersion, kind, name }));
}

function withdrawnCondition(
  { policy }: PolicyFacts,
  because: Extract<Registration, { to: "withdraw" }>["because"],
): IntendedCondition {
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
  }
}

function refusedStatus(facts: PolicyFacts, refusal: string): StatusIntent {
  const kept = standingWebhooks(facts).length > 0 ? ". The former webhook stays registered" : "";
  const active = inactive(facts.policy, "WebhookRefused", `Its webhook is refused: ${refusal}${kept}`);
  return statusOf(facts, { registered: isRegistered(facts), active });
}

function statusOf(
  { policy, server }: PolicyFacts,
  { registered, active }: { registered: boolean; active: IntendedCondition },
): StatusIntent {
  return {
    target: targetOf(policy),
    conditions: [active],
    fields: { policyStatus: phaseOf(policy, { server, registered }) },
  };
}

function activeCondition({ metadata: { generation } }: Policy): IntendedCondition {
  return condition("PolicyActive", "True", "PolicyActive", "The API server sends matching requests", generation);
}

function inactive(
  { metadata: { generation } }: Policy,
  reason: "WaitingForPolicyServer" | "PolicyServerNotFound" | "WebhookRefused" | "PolicyTerminating",
  message: string,
): IntendedCondition {
  return condition("PolicyActive", "False", reason, message, generation);
}

function targetOf(policy: Policy): Target {
  return { ...refOf(policy), uid: policy.metadata.uid ?? "" };
}
