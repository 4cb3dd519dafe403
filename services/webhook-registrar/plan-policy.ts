// pure
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { finalizer, legacyFinalizer, uniqueName } from "../../contracts/names.ts";
import type { FinalizerChange, Plan, StatusIntent } from "../../runtime/control/plan.ts";
import { keptWebhookFor } from "./desired-webhook.ts";
import { foreignItemsPatch, isInPlace } from "./drift.ts";
import type { PolicyFacts } from "./facts.ts";
import {
  keptStatus,
  refusedStatus,
  registeredStatus,
  statusAfterFailedWrite,
  targetOf,
  waitingStatus,
  withdrawnStatus,
} from "./policy-status.ts";
import { registrationFor, standingWebhooks, type Withdrawal } from "./registration.ts";
import { listOf, nameRefOf, webhookApiVersion, webhookKinds } from "./webhook.ts";

/** A refusal may come from something that no watch tells us about, e.g. a missing right. */
const afterRefusalMs = 30_000;

/** The Deployment of a server is watched by nobody here. */
const whileDesertedMs = 1_000;

/** What to write for one policy: its webhook, its finalizer and the status fields of this service. */
export function planPolicy(facts: PolicyFacts): Plan {
  const registration = registrationFor(facts);
  switch (registration.to) {
    case "withdraw":
      return withdraw(facts, registration.because);
    case "wait":
      return wait(facts);
    case "keep":
      return keep(facts, (kept) => keptStatus(facts, kept, registration.because));
    case "register":
      return facts.refusal === undefined ? register(facts, registration.desired) : refuse(facts, facts.refusal);
  }
}

/** Why object writes failed; `refused`: the API server judged them, and the same again would fail again. */
export type WriteFailure = { message: string; refused: boolean };

/** Status after the webhook could not be written. What stood before still counts. */
export function policyStatusAfterFailure(facts: PolicyFacts, { message, refused }: WriteFailure): StatusIntent[] {
  if (registrationFor(facts).to !== "register") return [];
  if (refused) return [refusedStatus(facts, message)];
  return standingWebhooks(facts).length > 0 ? [] : [statusAfterFailedWrite(facts, message)];
}

function register(facts: PolicyFacts, desired: KubeObject): Plan {
  const { webhooks, guard } = facts;
  const standing = listOf(webhooks).find(({ kind }) => kind === desired.kind);
  const patch = foreignItemsPatch(desired, standing);
  const others = listOf(webhooks).filter(({ kind }) => kind !== desired.kind);
  // With another one to remove, what a cache shows is not enough: it may be gone again, by our own hand a moment ago.
  const inPlace = isInPlace(desired, standing) && others.length === 0;
  return {
    finalizers: finalizersToAdd(facts),
    apply: inPlace || patch ? [] : [desired],
    patch: patch ? [patch] : [],
    // Only after the one that takes its place was written: never a moment with neither.
    remove: others.map(nameRefOf),
    status: [registeredStatus(facts, [desired])],
    lookAgainAfterMs: guard?.dueInMs,
  };
}

function refuse(facts: PolicyFacts, refusal: string): Plan {
  const lookAgainAfterMs = Math.min(afterRefusalMs, facts.guard?.dueInMs ?? afterRefusalMs);
  return { ...keep(facts, () => refusedStatus(facts, refusal)), lookAgainAfterMs };
}

/** The present spec makes no webhook: what stands goes on by the rules it has, and trusts its server. */
function keep(facts: PolicyFacts, statusWith: (kept: KubeObject[]) => StatusIntent): Plan {
  const { server, guard } = facts;
  const caBundle = server?.caBundle;
  const kept = server === undefined || caBundle === undefined ? [] : standingWebhooks(facts).map((standing) => ({
    standing,
    desired: keptWebhookFor(facts, { standing, server, caBundle }),
  }));
  return {
    finalizers: kept.length > 0 ? finalizersToAdd(facts) : [],
    apply: kept.filter(({ desired, standing }) => !isInPlace(desired, standing)).map(({ desired }) => desired),
    remove: [],
    status: [statusWith(kept.map(({ desired }) => desired))],
    lookAgainAfterMs: guard?.dueInMs,
  };
}

function wait(facts: PolicyFacts): Plan {
  const standing = standingWebhooks(facts);
  return {
    apply: [],
    // Left from a former server of that name, whose successor does not serve the policy yet.
    remove: listOf(facts.webhooks).filter((each) => !standing.includes(each)).map(nameRefOf),
    status: [standing.length > 0 ? registeredStatus(facts, standing) : waitingStatus(facts)],
    finalizers: [],
    ...(facts.deserted ? { lookAgainAfterMs: whileDesertedMs } : {}),
  };
}

function withdraw(facts: PolicyFacts, because: Withdrawal): Plan {
  const { policy, webhooks } = facts;
  const held = [finalizer, legacyFinalizer].filter((each) => policy.metadata.finalizers?.includes(each));
  return {
    apply: [],
    // The finalizer says that a webhook may stand even if no cache shows it yet: then both kinds are deleted unseen.
    remove: held.length > 0 ? bothKinds(facts) : listOf(webhooks).map(nameRefOf),
    status: [withdrawnStatus(facts, because)],
    finalizers: held.map((each) => ({ target: targetOf(policy), finalizer: each, change: "drop" })),
  };
}

/** Carried out before the webhook is written, so that none outlives its policy. */
function finalizersToAdd({ policy }: PolicyFacts): FinalizerChange[] {
  if (policy.metadata.finalizers?.includes(finalizer)) return [];
  return [{ target: targetOf(policy), finalizer, change: "add" }];
}

function bothKinds({ policy, taken }: PolicyFacts): ObjectRef[] {
  const name = uniqueName(policy.kind, policy.metadata);
  return webhookKinds.filter((kind) => !taken.includes(kind))
    .map((kind) => ({ apiVersion: webhookApiVersion, kind, name }));
}
