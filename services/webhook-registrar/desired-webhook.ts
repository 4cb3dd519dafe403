// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
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
import type { PolicyFacts, ServerOfPolicy, WebhookKind } from "./facts.ts";
import { ownConditions } from "./own-conditions.ts";
import { reachesNamespace } from "./own-objects.ts";
import { entriesOf, relaxedSince, webhookApiVersion } from "./webhook.ts";

const namespaceNameLabel = "kubernetes.io/metadata.name";

/** Whom a webhook calls, and whom it trusts: always what the server presents now. */
export type Callee = { server: ServerOfPolicy; caBundle: string };

/**
 * The webhook configuration of a policy (reference/controller.md 5.4, 5.5). Every field stands in it, defaults too, so
 * that an apply puts back whatever was changed by hand.
 */
export function webhookFor(facts: PolicyFacts, { kind, ...callee }: Callee & { kind: WebhookKind }): KubeObject {
  const { policy, namespace } = facts;
  const { spec } = policy;
  const conditions = [
    ...ownConditions(facts),
    ...(spec.matchConditions ?? []).map(({ name, expression }) => ({ name, expression })),
  ];
  const failurePolicy = spec.failurePolicy ?? "Fail";
  const relaxed = failurePolicy === "Fail" ? facts.guard?.relaxedSince : undefined;
  const entry = {
    name: entryNameOf(policy),
    clientConfig: clientConfigFor(facts, callee),
    rules: spec.rules.map((rule) => ({
      apiGroups: rule.apiGroups,
      apiVersions: rule.apiVersions,
      operations: rule.operations,
      resources: rule.resources,
      scope: isNamespacedPolicy(policy) ? "Namespaced" : rule.scope ?? "*",
    })),
    failurePolicy: relaxed === undefined ? failurePolicy : "Ignore",
    matchPolicy: spec.matchPolicy ?? "Equivalent",
    objectSelector: spec.objectSelector ?? {},
    namespaceSelector: namespaceSelectorFor(policy, namespace),
    sideEffects: spec.sideEffects ?? "None",
    timeoutSeconds: spec.timeoutSeconds,
    admissionReviewVersions: ["v1"],
    ...(conditions.length > 0 ? { matchConditions: conditions } : {}),
    ...(kind === "MutatingWebhookConfiguration" ? { reinvocationPolicy: "Never" } : {}),
  };
  return configurationFor(facts, { kind, server: callee.server, relaxed, webhooks: [entry] });
}

/**
 * A standing configuration with everything that does not come from the policy's spec as it should be, and the rest as
 * it stands: for a policy whose present spec makes no webhook, since the one that stands must go on.
 */
export function keptWebhookFor(
  facts: PolicyFacts,
  { standing, ...callee }: Callee & { standing: KubeObject },
): KubeObject {
  const { policy, guard } = facts;
  const kept = entriesOf(standing).filter(({ name }) => name === entryNameOf(policy)).map((entry) => ({
    ...entry,
    clientConfig: clientConfigFor(facts, callee),
    // Only what said Fail is ever relaxed.
    failurePolicy: relaxedSince(standing) === undefined ? entry.failurePolicy : "Fail",
  }));
  const relaxed = kept.some(({ failurePolicy }) => failurePolicy === "Fail") ? guard?.relaxedSince : undefined;
  const webhooks = relaxed === undefined ? kept : kept.map((entry) => ({ ...entry, failurePolicy: "Ignore" }));
  return configurationFor(facts, { kind: standing.kind as WebhookKind, server: callee.server, relaxed, webhooks });
}

/** Name of the one entry in a policy's configuration. */
export function entryNameOf({ kind, metadata }: Policy): string {
  return webhookEntryName(uniqueName(kind, metadata));
}

function clientConfigFor({ policy, namespace }: PolicyFacts, { server, caBundle }: Callee) {
  const path = validatePath(uniqueName(policy.kind, policy.metadata));
  return { service: { namespace, name: ownedObjectName(server.name), path, port: 443 }, caBundle: btoa(caBundle) };
}

function configurationFor(
  { policy, owner }: PolicyFacts,
  o: { kind: WebhookKind; server: ServerOfPolicy; relaxed: string | undefined; webhooks: unknown[] },
): KubeObject {
  return {
    apiVersion: webhookApiVersion,
    kind: o.kind,
    metadata: {
      name: uniqueName(policy.kind, policy.metadata),
      labels: { [labels.partOf]: partOfValue },
      annotations: {
        [annotations.policyName]: policy.metadata.name,
        [annotations.policyNamespace]: policy.metadata.namespace ?? "",
        [annotations.policyServerUid]: o.server.uid,
        ...(o.relaxed === undefined ? {} : { [annotations.relaxedSince]: o.relaxed }),
      },
      // The namespace and nothing else: an owner that hangs on a finalizer would keep the webhook standing.
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
    webhooks: o.webhooks,
  };
}

function namespaceSelectorFor(policy: Policy, namespace: string): Record<string, unknown> {
  if (isNamespacedPolicy(policy)) return { matchLabels: { [namespaceNameLabel]: policy.metadata.namespace ?? "" } };
  const { namespaceSelector = {} } = policy.spec;
  if (reachesNamespace(policy, namespace)) return namespaceSelector;
  const elsewhere = { key: namespaceNameLabel, operator: "NotIn", values: [namespace] };
  return { ...namespaceSelector, matchExpressions: [elsewhere, ...(namespaceSelector.matchExpressions ?? [])] };
}
