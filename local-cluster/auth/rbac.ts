// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { recordAt, records, stringEntries, strings } from "../schema/builtin/access.ts";
import { selectorMatches } from "../schema/label-selector.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { Decision, RequestAttributes, User } from "./user.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";

/** One rbac.authorization.k8s.io PolicyRule; lists that are missing are empty. */
export type PolicyRule = {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
};

/** Whether RBAC lets a user do something, and by which binding. system:masters may do everything, as upstream. */
export function authorize(user: User, attributes: RequestAttributes, reader: ObjectReader): Decision {
  if (user.groups.includes("system:masters")) return { allowed: true, reason: "" };
  for (const { rule, reason } of grantsOf(user, attributes.namespace, reader)) {
    if (ruleAllows(rule, attributes)) return { allowed: true, reason };
  }
  return { allowed: false, reason: "" };
}

/** Every rule a user holds: cluster-wide, and those of a namespace where one is given. */
export function* grantsOf(
  user: User,
  namespace: string | undefined,
  reader: ObjectReader,
): Generator<{ rule: PolicyRule; reason: string }> {
  for (const binding of reader.list({ apiVersion, kind: "ClusterRoleBinding" })) {
    yield* grantsOfBinding(binding, user, reader);
  }
  if (!namespace) return;
  for (const binding of reader.list({ apiVersion, kind: "RoleBinding", namespace })) {
    yield* grantsOfBinding(binding, user, reader);
  }
}

function* grantsOfBinding(binding: KubeObject, user: User, reader: ObjectReader) {
  const namespace = binding.metadata.namespace;
  const subject = records(binding.subjects).find((each) => isSubject(each, user, namespace));
  if (!subject) return;
  const roleRef = recordAt(binding, "roleRef") ?? {};
  const name = String(roleRef.name);
  const role = roleRef.kind === "ClusterRole"
    ? reader.get({ apiVersion, kind: "ClusterRole", name })
    : reader.get({ apiVersion, kind: "Role", name, namespace });
  if (!role) return;
  const at = namespace === undefined ? binding.metadata.name : `${binding.metadata.name}/${namespace}`;
  const who = subject.kind === "ServiceAccount"
    ? `${subject.name}/${subject.namespace ?? namespace}`
    : String(subject.name);
  const reason = `RBAC: allowed by ${binding.kind} "${at}" of ${roleRef.kind} "${name}" to ${subject.kind} "${who}"`;
  for (const rule of rulesOfRole(role, reader)) yield { rule, reason };
}

function isSubject(subject: Record<string, unknown>, user: User, namespace: string | undefined): boolean {
  switch (subject.kind) {
    case "User":
      return subject.name === user.username;
    case "Group":
      return user.groups.includes(String(subject.name));
    case "ServiceAccount": {
      const home = subject.namespace ?? namespace;
      return user.username === `system:serviceaccount:${home}:${subject.name}`;
    }
    default:
      return false;
  }
}

/** The rules of a Role or ClusterRole, with those it aggregates. */
export function rulesOfRole(role: KubeObject, reader: ObjectReader): PolicyRule[] {
  const selectors = records(recordAt(role, "aggregationRule")?.clusterRoleSelectors);
  const aggregated = selectors.length === 0
    ? []
    : reader.list({ apiVersion, kind: "ClusterRole" }).filter((each) =>
      each.metadata.name !== role.metadata.name &&
      selectors.some((selector) => selectorMatches(selector, Object.fromEntries(stringEntries(each.metadata.labels))))
    );
  return [role, ...aggregated].flatMap((each) => records(each.rules).map(policyRule));
}

/** A rule as data with every list there. */
export function policyRule(rule: Record<string, unknown>): PolicyRule {
  return {
    verbs: strings(rule.verbs),
    apiGroups: strings(rule.apiGroups),
    resources: strings(rule.resources),
    resourceNames: strings(rule.resourceNames),
    nonResourceURLs: strings(rule.nonResourceURLs),
  };
}

/** Whether one rule covers one request (`pkg/registry/rbac/validation` and `plugin/pkg/auth/authorizer/rbac`). */
export function ruleAllows(rule: PolicyRule, attributes: RequestAttributes): boolean {
  const { verb, group = "", resource = "", subresource, name = "", path } = attributes;
  if (!includesOrStar(rule.verbs, verb)) return false;
  if (path !== undefined) return rule.nonResourceURLs.some((pattern) => pathMatches(pattern, path));
  return includesOrStar(rule.apiGroups, group) &&
    rule.resources.some((pattern) => resourceMatches(pattern, resource, subresource)) &&
    (rule.resourceNames.length === 0 || rule.resourceNames.includes(name));
}

function includesOrStar(list: readonly string[], value: string): boolean {
  return list.includes("*") || list.includes(value);
}

function pathMatches(pattern: string, path: string): boolean {
  return pattern === "*" || pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1)));
}

/** `*` is every resource with every subresource; a name alone covers none of its subresources. */
function resourceMatches(pattern: string, resource: string, subresource: string | undefined): boolean {
  const wanted = subresource ? `${resource}/${subresource}` : resource;
  return pattern === "*" || pattern === wanted || (subresource !== undefined && pattern === `*/${subresource}`);
}
