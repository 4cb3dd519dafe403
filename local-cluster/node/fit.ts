// pure
import type { Pod } from "../workloads/pod.ts";

/** Why a pod cannot go to the one node, in the scheduler's words; undefined if it can. */
export function unschedulableReason(pod: Pod, nodeLabels: Readonly<Record<string, string>>): string | undefined {
  const selector = (pod.spec.nodeSelector ?? {}) as Record<string, string>;
  if (Object.entries(selector).some(([key, value]) => nodeLabels[key] !== value)) {
    return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
  }
  type Affinity = Record<string, { requiredDuringSchedulingIgnoredDuringExecution?: unknown } | undefined>;
  const affinity = (pod.spec.affinity ?? {}) as Affinity;
  const kind = Object.keys(affinity).find((each) => affinity[each]?.requiredDuringSchedulingIgnoredDuringExecution);
  if (kind !== undefined) return `0/1 nodes are available: the local cluster does not implement required ${kind}.`;
  const host = ["hostNetwork", "hostPID", "hostIPC"].find((each) => pod.spec[each] === true);
  if (host !== undefined) return `0/1 nodes are available: the local cluster does not implement ${host}.`;
  const name = pod.spec.schedulerName;
  return name === undefined || name === "default-scheduler"
    ? undefined
    : `0/1 nodes are available: the local cluster has no scheduler "${String(name)}".`;
}
