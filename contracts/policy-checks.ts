// pure
import type { policyFindingReasons } from "./conditions.ts";
import { KubewardenError, messageOf } from "./errors.ts";
import { isMemberName, parseGroupExpression } from "./group-expression.ts";
import type { ObjectMeta } from "./kubernetes.ts";
import { appLabelValue, uniqueName, webhookEntryName } from "./names.ts";
import { isPolicyGroup, type Policy } from "./policy.ts";

/**
 * What a CEL rule of a CRD cannot say. A finding leaves the policy out of the configuration, or keeps its last good
 * entry; its words go into a condition.
 */
export type PolicyFinding = { reason: (typeof policyFindingReasons)[number]; message: string };

// Kubernetes: a webhook's name is a DNS subdomain.
const maxWebhookNameLength = 253;
// Kubernetes: a label value, as `app` carries the server's name after a prefix.
const maxLabelValueLength = 63;

/** What is wrong with a policy taken by itself, or undefined. */
export function policyFinding(policy: Policy): PolicyFinding | undefined {
  const webhookName = webhookEntryName(uniqueName(policy.kind, policy.metadata));
  if (webhookName.length > maxWebhookNameLength) {
    const excess = webhookName.length - maxWebhookNameLength;
    const message = `the name of its webhook is ${excess} characters too long: recreate it under a shorter name`;
    return { reason: "NameTooLong", message };
  }
  if (!isPolicyGroup(policy)) return undefined;
  const members = Object.keys(policy.spec.policies);
  const badName = members.find((name) => !isMemberName(name));
  if (badName !== undefined) return invalid(`spec.policies: "${badName}" cannot be the name of a member`);
  try {
    parseGroupExpression(policy.spec.expression, members);
    return undefined;
  } catch (error) {
    if (!(error instanceof KubewardenError)) throw error;
    return invalid(`spec.expression: ${messageOf(error)}`);
  }
}

function invalid(message: string): PolicyFinding {
  return { reason: "PolicyInvalid", message };
}

/**
 * Policies whose unique name an older one (of two of one second, that with the lower uid) already has (reference/controller.md 10, B3): they would overwrite its webhook
 * and its configuration. Give it every policy of the cluster, whatever its server; keys are `policyKey`.
 */
export function nameCollisions(policies: Iterable<Policy>): Map<string, PolicyFinding> {
  const holders = new Map<string, Policy>();
  const findings = new Map<string, PolicyFinding>();
  for (const policy of [...policies].sort(byAge)) {
    const unique = uniqueName(policy.kind, policy.metadata);
    const holder = holders.get(unique);
    if (!holder) holders.set(unique, policy);
    else {
      findings.set(policyKey(policy), {
        reason: "NameCollision",
        message: `the name "${unique}" is taken by ${describe(holder)}: recreate one of the two under another name`,
      });
    }
  }
  return findings;
}

/** Identifies a policy among all kinds: `Kind/namespace/name`. */
export function policyKey(
  { kind, metadata }: { kind: string; metadata: Pick<ObjectMeta, "name" | "namespace"> },
): string {
  return `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;
}

function byAge(a: Policy, b: Policy): number {
  return compare(a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? "") ||
    compare(a.metadata.uid ?? "", b.metadata.uid ?? "") || compare(policyKey(a), policyKey(b));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function describe({ kind, metadata: { name, namespace } }: Policy): string {
  return namespace === undefined ? `${kind} "${name}"` : `${kind} "${name}" in namespace "${namespace}"`;
}

/**
 * Why objects cannot be named after this PolicyServer, or undefined. Kubernetes accepts the name, but its Service and
 * labels would be refused (reference/controller.md 10, B20).
 */
export function policyServerNameProblem(name: string): string | undefined {
  const excess = appLabelValue(name).length - maxLabelValueLength;
  if (excess > 0) {
    return `the name "${name}" is ${excess} characters too long: ${
      name.length - excess
    } are the most that a label can hold`;
  }
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    return `the name "${name}" is no DNS label: use lower-case letters, digits and "-" only`;
  }
  return undefined;
}
