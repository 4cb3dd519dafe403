import { stringifyJson } from "../../contracts/json.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import { keyOf, type Loop } from "../workloads/loop.ts";
import type { Pod } from "../workloads/pod.ts";
import { timestamp } from "../workloads/deployment-status.ts";
import type { WatchCache } from "../../runtime/kube/watch-cache.ts";
import type { EventRecorder } from "./events.ts";
import { unschedulableReason } from "./fit.ts";

/** Binds each pod without a node to the one there is, or says in the pod's status why it cannot. */
export function schedulerLoop(
  { kube, pods, nodeName, nodeLabels, events }: {
    kube: Kube;
    pods: WatchCache;
    nodeName: string;
    nodeLabels: Readonly<Record<string, string>>;
    events: EventRecorder;
  },
): Loop {
  return {
    name: "scheduler",
    sources: [{ cache: pods, keysFor: (pod) => isWaiting(pod as Pod) ? [keyOf(pod)] : [] }],
    async reconcile(key, signal) {
      const [namespace = "", name = ""] = key.split("/");
      const pod = pods.get(name, namespace) as Pod | undefined;
      if (!pod || !isWaiting(pod)) return undefined;
      const reason = unschedulableReason(pod, nodeLabels);
      if (reason !== undefined) {
        await markUnschedulable(kube, pod, reason, signal);
        events.record(pod, "Warning", "FailedScheduling", reason);
        return undefined;
      }
      const body = stringifyJson({
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, uid: pod.metadata.uid },
        target: { apiVersion: "v1", kind: "Node", name: nodeName },
      });
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/binding`;
      const headers = { "Content-Type": "application/json" };
      const answer = await kube.request("POST", path, { body, headers, signal });
      if (answer.status < 300) {
        events.record(pod, "Normal", "Scheduled", `Successfully assigned ${key} to ${nodeName}`);
        return undefined;
      }
      // 404: gone, 409: bound or replaced meanwhile. The next event shows what is true.
      return answer.status === 404 || answer.status === 409 ? undefined : 1000;
    },
  };
}

function isWaiting(pod: Pod): boolean {
  return !pod.spec.nodeName && pod.metadata.deletionTimestamp === undefined;
}

async function markUnschedulable(kube: Kube, pod: Pod, message: string, signal: AbortSignal): Promise<void> {
  const known = pod.status?.conditions?.find((each) => each.type === "PodScheduled");
  if (known?.message === message) return;
  const condition = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
    lastTransitionTime: timestamp(new Date()),
  };
  const { name, namespace, uid } = pod.metadata;
  const body = { metadata: { uid }, status: { phase: "Pending", conditions: [condition] } };
  await kube.patch({ apiVersion: "v1", kind: "Pod", name, namespace }, body, {
    type: "merge",
    subresource: "status",
    signal,
  });
}
