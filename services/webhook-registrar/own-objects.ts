// pure
import { apiGroup, policyKinds } from "../../contracts/names.ts";
import { isNamespacedPolicy, type Policy, type PolicyRule } from "../../contracts/policy.ts";

/** What our controllers write whatever the namespace, by group: no namespaceSelector keeps a policy away from it. */
const everywhere = [[apiGroup, ["policyservers", ...Object.values(policyKinds).map(({ plural }) => plural)]]] as const;

/** What our controllers write in the deployments namespace. */
const inDeploymentsNamespace = [
  ["", ["configmaps", "secrets", "services", "events"]],
  ["apps", ["deployments"]],
  ["coordination.k8s.io", ["leases"]],
  ["events.k8s.io", ["events"]],
  ["policy", ["poddisruptionbudgets"]],
] as const;

/** What others write there for our pods to come up and be found. */
const onBehalfOfOwnPods = [
  ["", ["pods", "endpoints", "serviceaccounts"]],
  ["apps", ["replicasets"]],
  ["discovery.k8s.io", ["endpointslices"]],
] as const;

/**
 * Whether a policy may be asked about writes of our own controllers. A policy server that is down would then block the
 * very writes that bring it up again (architecture.md, story (a) 9).
 */
export function reachesOwnObjects(policy: Policy, namespace: string): boolean {
  const kinds = reachesNamespace(policy, namespace) ? [...everywhere, ...inDeploymentsNamespace] : everywhere;
  return matchesAny(policy, kinds);
}

/** Whether a policy may be asked about the pods of our own Deployments, which Kubernetes' controllers write. */
export function reachesOwnPods(policy: Policy, namespace: string): boolean {
  return reachesNamespace(policy, namespace) && matchesAny(policy, onBehalfOfOwnPods);
}

/** Whether requests in the deployments namespace are sent to the policy. */
export function reachesNamespace(policy: Policy, namespace: string): boolean {
  if (isNamespacedPolicy(policy)) return policy.metadata.namespace === namespace;
  return policy.spec.allowInsideAdmissionControllerNamespace === true;
}

type Kinds = readonly (readonly [group: string, resources: readonly string[]])[];

function matchesAny({ spec }: Policy, kinds: Kinds): boolean {
  return spec.rules.some((rule) =>
    kinds.some(([group, resources]) => resources.some((resource) => matches(rule, group, resource)))
  );
}

/** Subresources count like their resource: we write `policyservers/status` too. */
function matches({ apiGroups, resources }: PolicyRule, group: string, resource: string): boolean {
  const named = (pattern: string) => ["*", resource].includes(pattern.split("/")[0] ?? "");
  return apiGroups.some((each) => each === "*" || each === group) && resources.some(named);
}
