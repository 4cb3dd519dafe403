// pure
import type { KubeObject, ObjectRef, OwnerReference } from "../../contracts/kubernetes.ts";
import {
  annotations,
  labels,
  ownedObjectName,
  partOfValue,
  uniqueName,
  validatePath,
  webhookEntryName,
} from "../../contracts/names.ts";
import { isNamespacedPolicy, type Policy } from "../../contracts/policy.ts";
import type { PolicyFacts, ServerOfPolicy, WebhookKind, Webhooks } from "./facts.ts";
import { reachesNamespace, reachesOwnObjects } from "./own-objects.ts";

export const webhookApiVersion = "admissionregistration.k8s.io/v1";
export const webhookKinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] as const;

const namespaceNameLabel = "kubernetes.io/metadata.name";
/** Name of the condition that leaves our own controllers out. */
export const ownControllersCondition = "kubewarden.io/leave-controllers-out";

/** One entry of a webhook configuration, as far as we look at it. */
export type WebhookEntry = {
  name: string;
  clientConfig: { service?: { namespace?: string; name?: string }; caBundle?: string };
  matchConditions?: { name: string; expression: string }[];
  [field: string]: unknown;
};

/**
 * The webhook configuration of a policy (reference/controller.md 5.4, 5.5). Every field stands in it, defaults too, so
 * that an apply puts back whatever was changed by hand.
 */
export function webhookFor(
  { policy, namespace, controllers }: PolicyFacts,
  { kind, server, caBundle }: { kind: WebhookKind; server: ServerOfPolicy; caBundle: string },
): KubeObject {
  const { spec, metadata } = policy;
  const unique = uniqueName(policy.kind, metadata);
  const service = { namespace, name: ownedObjectName(server.name), path: validatePath(unique), port: 443 };
  const conditions = [
    ...(reachesOwnObjects(policy, namespace) ? [leaveOut(controllers)] : []),
    ...(spec.matchConditions ?? []).map(({ name, expression }) => ({ name, expression })),
  ];
  const entry = {
    name: webhookEntryName(unique),
    clientConfig: { service, caBundle: btoa(caBundle) },
    rules: spec.rules.map((rule) => ({
      apiGroups: rule.apiGroups,
      apiVersions: rule.apiVersions,
      operations: rule.operations,
      resources: rule.resources,
      scope: isNamespacedPolicy(policy) ? "Namespaced" : rule.scope ?? "*",
    })),
    failurePolicy: spec.failurePolicy ?? "Fail",
    matchPolicy: spec.matchPolicy ?? "Equivalent",
    objectSelector: spec.objectSelector ?? {},
    namespaceSelector: namespaceSelectorFor(policy, namespace),
    sideEffects: spec.sideEffects ?? "None",
    timeoutSeconds: spec.timeoutSeconds,
    admissionReviewVersions: ["v1"],
    ...(conditions.length > 0 ? { matchConditions: conditions } : {}),
    ...(kind === "MutatingWebhookConfiguration" ? { reinvocationPolicy: "Never" } : {}),
  };
  return configurationFor({ kind, unique, owner: server.owner, policy }, [entry]);
}

/**
 * A standing configuration with another bundle, everything else as it is: for a policy whose new webhook is refused,
 * since the standing one must go on trusting its server.
 */
export function withBundle(
  standing: KubeObject,
  { policy, server, caBundle }: { policy: Policy; server: ServerOfPolicy; caBundle: string },
): KubeObject {
  const unique = uniqueName(policy.kind, policy.metadata);
  const entries = entriesOf(standing).filter(({ name }) => name === webhookEntryName(unique)).map((entry) => ({
    ...entry,
    clientConfig: { ...entry.clientConfig, caBundle: btoa(caBundle) },
  }));
  return configurationFor({ kind: standing.kind as WebhookKind, unique, owner: server.owner, policy }, entries);
}

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

/** Whether a configuration was registered for another incarnation of the PolicyServer. */
export function isOfFormerServer({ metadata }: KubeObject, owner: OwnerReference): boolean {
  const owners = (metadata.ownerReferences ?? []).filter(({ kind }) => kind === owner.kind);
  return owners.length > 0 && !owners.some(({ uid }) => uid === owner.uid);
}

/** A configuration by name alone: one pass owns a policy's webhooks, so no other incarnation can be hit. */
export function nameRefOf({ apiVersion, kind, metadata: { name } }: KubeObject): ObjectRef {
  return { apiVersion, kind, name };
}

/** A policy's configurations in a fixed order. */
export function listOf(webhooks: Webhooks): KubeObject[] {
  return webhookKinds.map((kind) => webhooks[kind]).filter((each) => each !== undefined);
}

function configurationFor(
  o: { kind: WebhookKind; unique: string; owner: OwnerReference; policy: Policy },
  webhooks: unknown[],
): KubeObject {
  return {
    apiVersion: webhookApiVersion,
    kind: o.kind,
    metadata: {
      name: o.unique,
      labels: { [labels.partOf]: partOfValue },
      annotations: {
        [annotations.policyName]: o.policy.metadata.name,
        [annotations.policyNamespace]: o.policy.metadata.namespace ?? "",
      },
      ownerReferences: [o.owner],
    },
    webhooks,
  };
}

function namespaceSelectorFor(policy: Policy, namespace: string): Record<string, unknown> {
  if (isNamespacedPolicy(policy)) return { matchLabels: { [namespaceNameLabel]: policy.metadata.namespace ?? "" } };
  const { namespaceSelector = {} } = policy.spec;
  if (reachesNamespace(policy, namespace)) return namespaceSelector;
  const elsewhere = { key: namespaceNameLabel, operator: "NotIn", values: [namespace] };
  return { ...namespaceSelector, matchExpressions: [elsewhere, ...(namespaceSelector.matchExpressions ?? [])] };
}

function leaveOut(controllers: readonly string[]): { name: string; expression: string } {
  // JSON strings are CEL strings.
  const expression = `!(request.userInfo.username in ${JSON.stringify(controllers)})`;
  return { name: ownControllersCondition, expression };
}
