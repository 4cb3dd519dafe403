// pure
import { findCondition } from "../../contracts/conditions.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { isMutating } from "../../contracts/policy.ts";
import type { PolicyFacts, WebhookKind } from "./facts.ts";
import { isOfFormerServer, listOf, webhookFor } from "./webhook.ts";

/** What is to become of a policy's webhook. */
export type Registration =
  /** No webhook may stand. */
  | {
    to: "withdraw";
    because: "PolicyTerminating" | "NoServerNamed" | "PolicyServerNotFound" | "PolicyServerTerminating";
  }
  /** Not served yet: nothing is written. */
  | { to: "wait" }
  /** Exactly this configuration, and none of the other kind. */
  | { to: "register"; desired: KubeObject };

/** Decides by the facts alone. The gate is for the first registration; repairs, edits and new bundles never wait for it. */
export function registrationFor(facts: PolicyFacts): Registration {
  const { policy, server } = facts;
  if (policy.metadata.deletionTimestamp !== undefined) return { to: "withdraw", because: "PolicyTerminating" };
  if (policy.spec.policyServer === "") return { to: "withdraw", because: "NoServerNamed" };
  if (!server) return { to: "withdraw", because: "PolicyServerNotFound" };
  if (server.terminating) return { to: "withdraw", because: "PolicyServerTerminating" };
  const { caBundle } = server;
  if (caBundle === undefined || facts.taken.length > 0 || !(isServed(facts) || isRegistered(facts))) {
    return { to: "wait" };
  }
  return { to: "register", desired: webhookFor(facts, { kind: kindFor(facts), server, caBundle }) };
}

/** Whether pods of the standing server serve this generation of the policy (architecture.md, story (a) 6). */
export function isServed({ policy, server }: PolicyFacts): boolean {
  const reachable = findCondition(policy, "PolicyUniquelyReachable");
  return reachable?.status === "True" && reachable.observedGeneration === policy.metadata.generation &&
    server !== undefined && policy.status?.servedBy?.policyServerUid === server.owner.uid;
}

/** Configurations that were registered for the server as it stands. */
export function standingWebhooks({ webhooks, server }: PolicyFacts): KubeObject[] {
  return server ? listOf(webhooks).filter((each) => !isOfFormerServer(each, server.owner)) : [];
}

/** Whether the policy was registered before with this server: its webhook stands, or it stood and was removed by hand. */
export function isRegistered(facts: PolicyFacts): boolean {
  if (standingWebhooks(facts).length > 0) return true;
  const { policy, server } = facts;
  const since = findCondition(policy, "PolicyActive")?.lastTransitionTime;
  const created = server?.createdAt;
  // "active" from the days of a former server of the same name does not count.
  return policy.status?.policyStatus === "active" && since !== undefined && created !== undefined &&
    Date.parse(since) >= Date.parse(created);
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
