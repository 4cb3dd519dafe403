// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { recordAt, records } from "../schema/builtin/access.ts";
import type { ObjectReader } from "./object-reader.ts";
import { authorize, grantsOf, type PolicyRule, policyRule, ruleAllows, rulesOfRole } from "./rbac.ts";
import type { User } from "./user.ts";

const group = "rbac.authorization.k8s.io";

/**
 * Kubernetes lets nobody hand out permissions they do not hold, unless they may `escalate` roles or `bind` them. Answers
 * the text of the refusal, or undefined where the write is fine.
 */
export function escalationProblem(object: KubeObject, user: User, reader: ObjectReader): string | undefined {
  if (user.groups.includes("system:masters")) return undefined;
  const { kind, metadata: { namespace, name } } = object;
  const isBinding = kind.endsWith("Binding");
  const roleRef = recordAt(object, "roleRef") ?? {};
  const exempt = authorize(user, {
    verb: isBinding ? "bind" : "escalate",
    group,
    version: "v1",
    resource: (isBinding ? roleRef.kind : kind) === "ClusterRole" ? "clusterroles" : "roles",
    name: isBinding ? String(roleRef.name) : name,
    ...(namespace === undefined ? {} : { namespace }),
  }, reader);
  if (exempt.allowed) return undefined;
  const granted = isBinding ? rulesOfReferredRole(roleRef, namespace, reader) : records(object.rules).map(policyRule);
  const held = [...grantsOf(user, namespace, reader)].map(({ rule }) => rule);
  const missing = granted.flatMap(singleRules).filter((each) => !held.some((rule) => covers(rule, each)));
  if (missing.length === 0) return undefined;
  const groups = user.groups.map((each) => JSON.stringify(each)).join(" ");
  return `user "${user.username}" (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n` +
    missing.map(render).join("\n");
}

function rulesOfReferredRole(roleRef: Record<string, unknown>, namespace: string | undefined, reader: ObjectReader) {
  const apiVersion = `${group}/v1`, kind = String(roleRef.kind), name = String(roleRef.name);
  const role = reader.get({ apiVersion, kind, name, ...(kind === "Role" && namespace ? { namespace } : {}) });
  return role ? rulesOfRole(role, reader) : [];
}

/** One rule per verb, group, resource and name: a rule is held when each of them is. */
function singleRules(rule: PolicyRule): PolicyRule[] {
  const names = rule.resourceNames.length === 0 ? [[]] : rule.resourceNames.map((each) => [each]);
  const onResources = rule.apiGroups.flatMap((apiGroup) =>
    rule.resources.flatMap((resource) =>
      names.flatMap((resourceNames) =>
        rule.verbs.map((verb) => ({
          verbs: [verb],
          apiGroups: [apiGroup],
          resources: [resource],
          resourceNames,
          nonResourceURLs: [],
        }))
      )
    )
  );
  const onPaths = rule.nonResourceURLs.flatMap((url) =>
    rule.verbs.map((verb) => ({
      verbs: [verb],
      apiGroups: [],
      resources: [],
      resourceNames: [],
      nonResourceURLs: [url],
    }))
  );
  return [...onResources, ...onPaths];
}

function covers(held: PolicyRule, single: PolicyRule): boolean {
  const [verb = ""] = single.verbs, [path] = single.nonResourceURLs;
  if (path !== undefined) return ruleAllows(held, { verb, path });
  const [resource = "", subresource] = single.resources[0]?.split("/") ?? [];
  const [name] = single.resourceNames;
  // A rule for all names is not covered by one for some.
  if (name === undefined && held.resourceNames.length > 0) return false;
  return ruleAllows(held, {
    verb,
    group: single.apiGroups[0] ?? "",
    resource,
    ...(subresource === undefined ? {} : { subresource }),
    ...(name === undefined ? {} : { name }),
  });
}

function render(rule: PolicyRule): string {
  const list = (name: string, values: readonly string[]) =>
    values.length === 0 ? [] : [`${name}:[${values.map((each) => JSON.stringify(each)).join(", ")}]`];
  return `{${
    [
      ...list("APIGroups", rule.apiGroups),
      ...list("Resources", rule.resources),
      ...list("ResourceNames", rule.resourceNames),
      ...list("NonResourceURLs", rule.nonResourceURLs),
      ...list("Verbs", rule.verbs),
    ].join(", ")
  }}`;
}
