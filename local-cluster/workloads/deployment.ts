import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import { sleep } from "../../runtime/sleep.ts";
import type { WatchCache } from "../../runtime/kube/watch-cache.ts";
import type { EventRecorder } from "../node/events.ts";
import { deploymentStatusFor } from "./deployment-status.ts";
import { keyOf, type Loop, partsOfKey } from "./loop.ts";
import { controllerOf, controllerReferenceTo, type Deployment, type ReplicaSet } from "./objects.ts";
import { isSameTemplate, templateHash, templateHashLabel, withTemplateHash } from "./pod-template.ts";
import { desiredReplicas, planRollout, revisionAnnotation, revisionOf, rollingLimits } from "./rollout.ts";
import { writeStatus } from "./write-status.ts";

const apps = "apps/v1";
/** Annotations of a Deployment that its ReplicaSets do not get. */
const ownAnnotations = [
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  "deployment.kubernetes.io/revision-history",
  "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas",
  "deprecated.deployment.rollback.to",
];

/** Rolls Deployments out through ReplicaSets. */
export function deploymentLoop(
  { kube, deployments, replicaSets, events, statusDelayMs }: {
    kube: Kube;
    deployments: WatchCache;
    replicaSets: WatchCache;
    events: EventRecorder;
    /** How much later than its spec a Deployment's status is written. */
    statusDelayMs: () => number;
  },
): Loop {
  return {
    name: "deployment-controller",
    sources: [
      { cache: deployments, keysFor: (object) => [keyOf(object)] },
      { cache: replicaSets, keysFor: (object) => ownerKeys(object) },
    ],
    async reconcile(key, signal) {
      const { namespace, name } = partsOfKey(key);
      const read = async () => await kube.get({ apiVersion: apps, kind: "Deployment", name, namespace }, { signal });
      const deployment = await read() as Deployment | undefined;
      if (!deployment || deployment.metadata.deletionTimestamp !== undefined) return undefined;
      const { current, old } = await ownReplicaSets(kube, deployment, signal);
      if (current) await annotate(kube, { deployment, current, old }, signal);
      for (const step of planRollout({ deployment, current, old })) {
        if (step.do === "remove") {
          await kube.remove(refOf(step.replicaSet), { propagationPolicy: "Background", signal });
          continue;
        }
        const replicaSet = step.do === "create"
          ? await createReplicaSet(kube, { deployment, old, replicas: step.replicas }, signal)
          : await scale(kube, { deployment, replicaSet: step.replicaSet, replicas: step.replicas }, signal);
        const before = step.do === "create" ? 0 : desiredReplicas(step.replicaSet);
        const change = `${step.replicas > before ? "up" : "down"} replica set ${replicaSet.metadata.name}`;
        events.record(
          deployment,
          "Normal",
          "ScalingReplicaSet",
          `Scaled ${change} from ${before} to ${step.replicas}`,
        );
      }
      await sleep(statusDelayMs(), signal);
      return await report(kube, deployment, signal);
    },
  };
}

async function report(kube: Kube, deployment: Deployment, signal: AbortSignal): Promise<number | undefined> {
  const { current, old } = await ownReplicaSets(kube, deployment, signal);
  const status = deploymentStatusFor({ deployment, current, old, now: new Date() });
  await writeStatus(kube, deployment, { status, signal });
  const progressing = status.conditions?.find((each) => each.type === "Progressing");
  // The progress deadline passes without any event.
  return progressing?.reason === "NewReplicaSetAvailable" ? undefined : 5000;
}

async function ownReplicaSets(kube: Kube, deployment: Deployment, signal: AbortSignal) {
  const { namespace, uid } = deployment.metadata;
  const { items } = await kube.list({ apiVersion: apps, kind: "ReplicaSet" }, { namespace, signal });
  const own = (items as ReplicaSet[]).filter((each) =>
    controllerOf(each)?.uid === uid && each.metadata.deletionTimestamp === undefined
  );
  const current = own.find((each) => isSameTemplate(each.spec.template, deployment.spec.template));
  return { current, old: own.filter((each) => each !== current) };
}

/** A ReplicaSet carries the Deployment's annotations and the revision it stands for; the Deployment the current one. */
async function annotate(
  kube: Kube,
  { deployment, current, old }: { deployment: Deployment; current: ReplicaSet; old: readonly ReplicaSet[] },
  signal: AbortSignal,
): Promise<void> {
  const revision = String(Math.max(revisionOf(current), ...old.map((each) => revisionOf(each) + 1), 1));
  await setAnnotations(kube, current, {
    ...copiedAnnotations(deployment),
    ...scaleAnnotations(deployment),
    [revisionAnnotation]: revision,
  }, signal);
  await setAnnotations(kube, deployment, { [revisionAnnotation]: revision }, signal);
}

async function createReplicaSet(
  kube: Kube,
  { deployment, old, replicas }: { deployment: Deployment; old: readonly ReplicaSet[]; replicas: number },
  signal: AbortSignal,
): Promise<KubeObject> {
  const { name, namespace } = deployment.metadata;
  const hash = templateHash(deployment.spec.template);
  const revision = String(Math.max(...old.map(revisionOf), 0) + 1);
  const template = withTemplateHash(deployment.spec.template, hash);
  const { selector, minReadySeconds } = deployment.spec;
  const replicaSet: KubeObject = {
    apiVersion: apps,
    kind: "ReplicaSet",
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels: template.metadata?.labels,
      annotations: {
        ...copiedAnnotations(deployment),
        ...scaleAnnotations(deployment),
        [revisionAnnotation]: revision,
      },
      ownerReferences: [controllerReferenceTo(deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [templateHashLabel]: hash } },
      template,
    },
  };
  await kube.create(replicaSet, { fieldManager: manager, signal });
  await setAnnotations(kube, deployment, { [revisionAnnotation]: revision }, signal);
  return replicaSet;
}

async function scale(
  kube: Kube,
  { deployment, replicaSet, replicas }: { deployment: Deployment; replicaSet: ReplicaSet; replicas: number },
  signal: AbortSignal,
): Promise<KubeObject> {
  const { uid } = replicaSet.metadata;
  const body = { metadata: { uid, annotations: scaleAnnotations(deployment) }, spec: { replicas } };
  return await kube.patch(refOf(replicaSet), body, { type: "merge", fieldManager: manager, signal });
}

const manager = "kube-controller-manager";

async function setAnnotations(
  kube: Kube,
  object: KubeObject,
  annotations: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const known = object.metadata.annotations ?? {};
  if (Object.entries(annotations).every(([key, value]) => known[key] === value)) return;
  const body = { metadata: { uid: object.metadata.uid, annotations } };
  await kube.patch(refOf(object), body, { type: "merge", fieldManager: manager, signal });
}

function copiedAnnotations(deployment: Deployment): Record<string, string> {
  const entries = Object.entries(deployment.metadata.annotations ?? {});
  return Object.fromEntries(entries.filter(([key]) => !ownAnnotations.includes(key)));
}

function scaleAnnotations(deployment: Deployment): Record<string, string> {
  const desired = desiredReplicas(deployment);
  return {
    "deployment.kubernetes.io/desired-replicas": String(desired),
    "deployment.kubernetes.io/max-replicas": String(desired + rollingLimits(deployment).maxSurge),
  };
}

function ownerKeys(object: KubeObject): string[] {
  const owner = controllerOf(object);
  return owner?.kind === "Deployment" ? [`${object.metadata.namespace ?? ""}/${owner.name}`] : [];
}
