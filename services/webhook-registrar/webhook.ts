// pure
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { annotations } from "../../contracts/names.ts";
import type { Policy } from "../../contracts/policy.ts";
import type { Webhooks } from "./facts.ts";

export const webhookApiVersion = "admissionregistration.k8s.io/v1";
export const webhookKinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] as const;

/** One entry of a webhook configuration, as far as we look at it. */
export type WebhookEntry = {
  name: string;
  clientConfig: { service?: { namespace?: string; name?: string }; caBundle?: string };
  failurePolicy?: string;
  matchConditions?: { name: string; expression: string }[];
  [field: string]: unknown;
};

/** The entries of a webhook configuration. */
export function entriesOf(configuration: KubeObject): WebhookEntry[] {
  return configuration.webhooks as WebhookEntry[] | undefined ?? [];
}

/**
 * Whether a configuration under the policy's unique name may be treated as the policy's own. Names of different policies
 * can collide (reference/controller.md 10, B3); the annotations tell whose it is, and one without them is nobody else's.
 */
export function isOwnedBy({ metadata }: KubeObject, policy: Pick<Policy, "metadata">): boolean {
  const name = metadata.annotations?.[annotations.policyName];
  const namespace = metadata.annotations?.[annotations.policyNamespace] ?? "";
  return name === undefined || (name === policy.metadata.name && namespace === (policy.metadata.namespace ?? ""));
}

/** Whether a configuration was registered for this incarnation of a PolicyServer, as far as it tells. */
export function isOfServer(configuration: KubeObject, serverUid: string): boolean {
  return serverUidsOf(configuration).includes(serverUid);
}

/** Whether a configuration was registered for another incarnation of the PolicyServer. */
export function isOfFormerServer(configuration: KubeObject, serverUid: string): boolean {
  return serverUidsOf(configuration).length > 0 && !isOfServer(configuration, serverUid);
}

/** Releases before the annotation told it by an ownerReference. */
function serverUidsOf({ metadata: { annotations: said, ownerReferences = [] } }: KubeObject): string[] {
  const uid = said?.[annotations.policyServerUid];
  if (uid !== undefined) return [uid];
  return ownerReferences.filter(({ kind }) => kind === "PolicyServer").map((each) => each.uid);
}

/** A configuration by name alone: one pass owns a policy's webhooks, so no other incarnation can be hit. */
export function nameRefOf({ apiVersion, kind, metadata: { name } }: KubeObject): ObjectRef {
  return { apiVersion, kind, name };
}

/** A policy's configurations in a fixed order. */
export function listOf(webhooks: Webhooks): KubeObject[] {
  return webhookKinds.map((kind) => webhooks[kind]).filter((each) => each !== undefined);
}

/** Since when a configuration lets requests pass because its server is away; undefined for one that does not. */
export function relaxedSince({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[annotations.relaxedSince];
}
