import type { KubeObject } from "../../contracts/kubernetes.ts";
import { apiVersion, labels, ownedObjectName, type PolicyKind, policyKindNames } from "../../contracts/names.ts";
import type { Source } from "../../runtime/control/controller.ts";
import { indexObjects, type ObjectIndex } from "../../runtime/kube/object-index.ts";
import type { WatchCache, WatchQuery } from "../../runtime/kube/watch-cache.ts";
import { policyServerOf, uniqueNameOf } from "./configuration.ts";
import type { Observed } from "./facts.ts";
import { isTelling } from "./pod-problem.ts";
import type { Settings } from "./settings.ts";
import { policyView, serverView } from "./views.ts";

/** The caches the reconciler looks at. */
export type Caches =
  & Record<
    "servers" | "configMaps" | "deployments" | "services" | "disruptionBudgets" | "replicaSets" | "pods" | "events",
    WatchCache
  >
  & {
    policies: Record<PolicyKind, WatchCache>;
    /** The one ConfigMap with the authority of clients, where mutual TLS is asked for. */
    clientCa?: WatchCache;
    /** Policies of all kinds by the PolicyServer they name, and by their unique name. */
    policiesOf: ObjectIndex;
    policiesNamed: ObjectIndex;
  };

/** Opens the caches: what belongs to policy servers is found by label, so foreign objects cost nothing. */
export function openCaches(
  open: (query: WatchQuery) => WatchCache,
  { namespace, clientCaConfigMap }: Settings,
): Caches {
  const owned = (apiVersion: string, kind: string) =>
    open({ apiVersion, kind, namespace, labelSelector: labels.policyServer });
  const policies = Object.fromEntries(policyKindNames.map((kind) => [kind, open({ apiVersion, kind })])) as Record<
    PolicyKind,
    WatchCache
  >;
  return {
    servers: open({ apiVersion, kind: "PolicyServer" }),
    policies,
    policiesOf: indexObjects(Object.values(policies), (policy) => [policyServerOf(policy)]),
    policiesNamed: indexObjects(Object.values(policies), (policy) => [uniqueNameOf(policy)]),
    configMaps: owned("v1", "ConfigMap"),
    deployments: owned("apps/v1", "Deployment"),
    services: owned("v1", "Service"),
    disruptionBudgets: owned("policy/v1", "PodDisruptionBudget"),
    replicaSets: owned("apps/v1", "ReplicaSet"),
    pods: owned("v1", "Pod"),
    // Volumes, sandboxes and Secrets to pull with show nowhere else.
    events: open({
      apiVersion: "v1",
      kind: "Event",
      namespace,
      fieldSelector: "involvedObject.kind=Pod,type=Warning",
    }),
    ...(clientCaConfigMap === "" ? {} : {
      clientCa: open({
        apiVersion: "v1",
        kind: "ConfigMap",
        namespace,
        fieldSelector: `metadata.name=${clientCaConfigMap}`,
      }),
    }),
  };
}

/** Which PolicyServer names to look at when something changed. */
export function sourcesOf(caches: Caches): Source[] {
  const { servers, policies, policiesOf: _, policiesNamed, events, clientCa, ...owned } = caches;
  const byLabel = (object: KubeObject) => [object.metadata.labels?.[labels.policyServer] ?? []].flat();
  return [
    { cache: servers, keysFor: ({ metadata }) => [metadata.name], view: serverView },
    ...Object.values(policies).map((cache): Source => ({
      cache,
      // Who shares its unique name may win or lose it by this change.
      keysFor: (policy) => [
        ...new Set([policyServerOf(policy), ...policiesNamed.get(uniqueNameOf(policy)).map(policyServerOf)]),
      ],
      view: policyView,
    })),
    ...Object.values(owned).map((cache): Source => ({ cache, keysFor: byLabel })),
    ...(clientCa ? [{ cache: clientCa, keysFor: () => servers.list().map(({ metadata }) => metadata.name) }] : []),
    {
      cache: events,
      keysFor: (event) => {
        if (!isTelling(event)) return [];
        const pod = owned.pods.get(involvedObjectOf(event).name ?? "", event.metadata.namespace);
        return pod ? byLabel(pod) : [];
      },
    },
  ];
}

/** The facts about one PolicyServer name. */
export function observe(caches: Caches, name: string, settings: Settings, ownImage: string | undefined): Observed {
  const { namespace } = settings;
  const policies = caches.policiesOf.get(name);
  const claimed = new Set(policies.map(uniqueNameOf));
  const ofServer = (cache: WatchCache) =>
    cache.list().filter(({ metadata }) => metadata.labels?.[labels.policyServer] === name);
  const pods = ofServer(caches.pods);
  const podUids = new Set(pods.map(({ metadata }) => metadata.uid));
  return {
    name,
    settings,
    ownImage,
    server: caches.servers.get(name),
    policies,
    rivals: [...claimed].flatMap((unique) => caches.policiesNamed.get(unique))
      .filter((policy) => policyServerOf(policy) !== name),
    configMaps: ofServer(caches.configMaps),
    deployment: caches.deployments.get(ownedObjectName(name), namespace),
    clientCa: caches.clientCa?.get(settings.clientCaConfigMap, namespace),
    disruptionBudget: caches.disruptionBudgets.get(ownedObjectName(name), namespace),
    replicaSets: ofServer(caches.replicaSets),
    pods,
    events: caches.events.list().filter((event) => podUids.has(involvedObjectOf(event).uid)),
  };
}

/** Policies of all kinds. */
export function allPolicies({ policies }: Caches): readonly KubeObject[] {
  return Object.values(policies).flatMap((cache) => cache.list());
}

function involvedObjectOf(event: KubeObject): { name?: string; uid?: string } {
  return (event.involvedObject ?? {}) as { name?: string; uid?: string };
}
