// pure
import { labels, partOfValue } from "../../contracts/names.ts";
import type { PolicyFacts } from "./facts.ts";
import { reachesOwnObjects, reachesOwnPods } from "./own-objects.ts";

export type MatchCondition = { name: string; expression: string };

/** Name of the condition that leaves our own controllers out. */
export const ownControllersCondition = "kubewarden.io/leave-controllers-out";
/** Name of the condition that leaves our own pods, and what they need to come up, out. */
export const ownPodsCondition = "kubewarden.io/leave-own-pods-out";

/** What keeps a policy whose server is down from blocking the very writes that bring the server up again. */
export function ownConditions({ policy, namespace, controllers }: PolicyFacts): MatchCondition[] {
  return [
    ...(reachesOwnObjects(policy, namespace) ? [leaveControllersOut(controllers)] : []),
    ...(reachesOwnPods(policy, namespace) ? [leaveOwnPodsOut(namespace)] : []),
  ];
}

function leaveControllersOut(controllers: readonly string[]): MatchCondition {
  // JSON strings are CEL strings.
  const expression = `!(request.userInfo.username in ${JSON.stringify(controllers)})`;
  return { name: ownControllersCondition, expression };
}

/**
 * In the deployments namespace only: objects with our label (pods, ReplicaSets, and the EndpointSlices that have it from
 * our Services), and the writes without labels that put a pod on a node: those of the scheduler and the kubelets.
 * Whoever may create pods there can mount the servers' keys, so the label gives nobody anything.
 */
function leaveOwnPodsOut(namespace: string): MatchCondition {
  const [label, value] = [labels.partOf, partOfValue].map((each) => JSON.stringify(each));
  const ours = "[object, oldObject].exists(each, each != null && has(each.metadata) && has(each.metadata.labels) && " +
    `${label} in each.metadata.labels && each.metadata.labels[${label}] == ${value})`;
  const scheduler = 'request.userInfo.username == "system:kube-scheduler"';
  const kubelet = '(has(request.userInfo.groups) && "system:nodes" in request.userInfo.groups)';
  const here = `has(request.namespace) && request.namespace == ${JSON.stringify(namespace)}`;
  return { name: ownPodsCondition, expression: `!(${here} && (${scheduler} || ${kubelet} || ${ours}))` };
}
