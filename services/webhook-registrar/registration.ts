// pure
import { findCondition } from "../../contracts/conditions.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { isMutating } from "../../contracts/policy.ts";
import type { PolicyFacts, WebhookKind } from "./facts.ts";
import { entryNameOf, webhookFor } from "./desired-webhook.ts";
import { collisionOf } from "./validity.ts";
import { entriesOf, isOfFormerServer, listOf } from "./webhook.ts";

/** Why no webhook may stand. */
export type Withdrawal =
  | "PolicyTerminating"
  | "NoServerNamed"
  | "PolicyServerNotFound"
  | "PolicyServerTerminating"
  | "NameCollision";

/** What is to become of a policy's webhook. */
export type Registration =
  /** No webhook may stand. */
  | { to: "withdraw"; because: Withdrawal }
  /** Not served yet: nothing is written. */
  | { to: "wait" }
  /** The present generation is not valid: what stands stays, and what does not stand waits. */
  | { to: "keep"; because: string }
  /** Exactly this configuration, and none of the other kind. */
  | { to: "register"; desired: KubeObject };

/**
 * Decides by the facts alone. Where nothing stands, the gate must be open for this very generation, also if something
 * stood before: whoever took the webhooks away in an emergency gets none that nobody serves. Repairs, edits and new
 * bundles of what stands never wait.
 */
export function registrationFor(facts: PolicyFacts): Registration {
  const { policy, server } = facts;
  if (policy.metadata.deletionTimestamp !== undefined) return { to: "withdraw", because: "PolicyTerminating" };
  if (policy.spec.policyServer === "") return { to: "withdraw", because: "NoServerNamed" };
  if (!server) return { to: "withdraw", because: "PolicyServerNotFound" };
  if (server.terminating) return { to: "withdraw", because: "PolicyServerTerminating" };
  if (collisionOf(policy) !== undefined) return { to: "withdraw", because: "NameCollision" };
  const { caBundle } = server;
  if (caBundle === undefined || facts.taken.length > 0) return { to: "wait" };
  if (facts.invalid !== undefined) return isRegistered(facts) ? { to: "keep", because: facts.invalid } : { to: "wait" };
  if (!isRegistered(facts) && (!isServed(facts) || facts.deserted)) return { to: "wait" };
  return { to: "register", desired: webhookFor(facts, { kind: kindFor(facts), server, caBundle }) };
}

/** Whether pods of the standing server serve this generation of the policy (architecture.md, story (a) 6). */
export function isServed({ policy, server }: PolicyFacts): boolean {
  const reachable = findCondition(policy, "PolicyUniquelyReachable");
  return reachable?.status === "True" && reachable.observedGeneration === policy.metadata.generation &&
    server !== undefined && policy.status?.servedBy?.policyServerUid === server.uid;
}

/** Configurations that were registered for the server as it stands, and still call it. */
export function standingWebhooks({ policy, webhooks, server }: PolicyFacts): KubeObject[] {
  if (!server) return [];
  const name = entryNameOf(policy);
  return listOf(webhooks).filter((each) =>
    !isOfFormerServer(each, server.uid) && entriesOf(each).some((entry) => entry.name === name)
  );
}

/** Whether requests are sent to the policy now. */
export function isRegistered(facts: PolicyFacts): boolean {
  return standingWebhooks(facts).length > 0;
}

/**
 * A patch from a validating webhook fails the request: the kind changes at once when a policy becomes mutating, and only
 * after the rollout, when no pod answers with patches any more, if it ceases to be.
 */
function kindFor(facts: PolicyFacts): WebhookKind {
  if (isMutating(facts.policy)) return "MutatingWebhookConfiguration";
  const mutates = standingWebhooks(facts).some(({ kind }) => kind === "MutatingWebhookConfiguration");
  return mutates && !isServed(facts) ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration";
}
