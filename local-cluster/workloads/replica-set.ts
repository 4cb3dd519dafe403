import { messageOf } from "../../contracts/errors.ts";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { WatchCache } from "../../runtime/kube/watch-cache.ts";
import type { EventRecorder } from "../node/events.ts";
import { keyOf, type Loop, partsOfKey } from "./loop.ts";
import { controllerOf, controllerReferenceTo, type ReplicaSet } from "./objects.ts";
import type { Pod } from "./pod.ts";
import { planReplicas, replicaSetStatusFor } from "./replica-set-plan.ts";
import { writeStatus } from "./write-status.ts";

/** Keeps as many pods as a ReplicaSet asks for. Pods are read live, so a lagging cache never makes one too many. */
export function replicaSetLoop(
  { kube, replicaSets, pods, events }: {
    kube: Kube;
    replicaSets: WatchCache;
    pods: WatchCache;
    events: EventRecorder;
  },
): Loop {
  return {
    name: "replicaset-controller",
    sources: [
      { cache: replicaSets, keysFor: (object) => [keyOf(object)] },
      { cache: pods, keysFor: (object) => ownerKeys(object) },
    ],
    async reconcile(key, signal) {
      const { namespace, name } = partsOfKey(key);
      const ref = { apiVersion: "apps/v1", kind: "ReplicaSet", name, namespace };
      const replicaSet = await kube.get(ref, { signal }) as ReplicaSet | undefined;
      if (!replicaSet || replicaSet.metadata.deletionTimestamp !== undefined) return undefined;
      const { create, remove } = planReplicas(replicaSet, await ownPods(kube, replicaSet, signal));
      const failure = await carryOut(kube, { replicaSet, create, remove, events }, signal);
      const after = await ownPods(kube, replicaSet, signal);
      const status = replicaSetStatusFor({ replicaSet, pods: after, now: new Date(), failure });
      await writeStatus(kube, replicaSet, { status, signal });
      if (failure !== undefined) throw new Error(failure);
      // Pods become available by time alone.
      return replicaSet.spec.minReadySeconds && status.availableReplicas !== status.readyReplicas ? 1000 : undefined;
    },
  };
}

async function carryOut(
  kube: Kube,
  { replicaSet, create, remove, events }: {
    replicaSet: ReplicaSet;
    create: number;
    remove: readonly Pod[];
    events: EventRecorder;
  },
  signal: AbortSignal,
): Promise<string | undefined> {
  for (let made = 0; made < create; made++) {
    try {
      const pod = await kube.create(podFor(replicaSet), { fieldManager: "kube-controller-manager", signal });
      events.record(replicaSet, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
    } catch (error) {
      signal.throwIfAborted();
      events.record(replicaSet, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
      return messageOf(error);
    }
  }
  for (const pod of remove) {
    await kube.remove(refOf(pod), { signal });
    events.record(replicaSet, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
  }
  return undefined;
}

function podFor(replicaSet: ReplicaSet): KubeObject {
  const { metadata, spec } = replicaSet.spec.template;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      // Named by the server: generateName and five characters.
      name: "",
      generateName: `${replicaSet.metadata.name}-`,
      namespace: replicaSet.metadata.namespace,
      labels: metadata?.labels,
      annotations: metadata?.annotations,
      ownerReferences: [controllerReferenceTo(replicaSet)],
    },
    spec,
  };
}

async function ownPods(kube: Kube, replicaSet: ReplicaSet, signal: AbortSignal): Promise<Pod[]> {
  const { namespace, uid } = replicaSet.metadata;
  const { items } = await kube.list({ apiVersion: "v1", kind: "Pod" }, { namespace, signal });
  return (items as Pod[]).filter((each) => controllerOf(each)?.uid === uid);
}

function ownerKeys(object: KubeObject): string[] {
  const owner = controllerOf(object);
  return owner?.kind === "ReplicaSet" ? [`${object.metadata.namespace ?? ""}/${owner.name}`] : [];
}
