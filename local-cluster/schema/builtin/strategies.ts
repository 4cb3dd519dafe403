// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import type { PrepareContext, ResourceType } from "../resource-type.ts";
import { recordAt, records, stringEntries, strings } from "./access.ts";

type Strategy = Pick<ResourceType, "prepareCreate" | "prepareUpdate">;

/** What upstream's registry strategies do to an object before it is validated (`pkg/registry/<group>/<kind>/strategy.go`). */
export function strategyFor(group: string, kind: string): Strategy {
  return strategies[group === "" ? kind : `${kind}.${group}`] ?? {};
}

const strategies: Readonly<Record<string, Strategy>> = {
  "Namespace": {
    prepareCreate: (namespace) =>
      withNameLabel({
        ...namespace,
        spec: { ...recordAt(namespace, "spec"), finalizers: [...new Set([...finalizersOf(namespace), "kubernetes"])] },
        status: { phase: "Active" },
      }),
    // The label is not a user's to change: a missing or wrong one is put back.
    prepareUpdate: (namespace, old) => withNameLabel({ ...namespace, spec: old.spec }),
  },
  "Secret": {
    prepareCreate: withFoldedStringData,
    prepareUpdate: (secret, old) => ({ ...withFoldedStringData(secret), type: secret.type ?? old.type }),
  },
  "Pod": {
    prepareCreate: (pod) => ({ ...pod, status: { phase: "Pending", qosClass: qosClassOf(pod) } }),
  },
  "Deployment.apps": { prepareCreate: (deployment) => ({ ...deployment, status: {} }) },
  "ReplicaSet.apps": { prepareCreate: (replicaSet) => ({ ...replicaSet, status: { replicas: 0 } }) },
  "PodDisruptionBudget.policy": { prepareCreate: (budget) => ({ ...budget, status: {} }) },
  "Service": {
    prepareCreate: withAddresses,
    prepareUpdate: (service, old, context) => withAddresses(withAddressesOf(service, old), context),
  },
  "CustomResourceDefinition.apiextensions.k8s.io": {
    prepareCreate: (crd) => ({ ...crd, status: { storedVersions: storageVersionOf(crd) } }),
    prepareUpdate: (crd, old) => {
      const stored = strings(recordAt(old, "status")?.storedVersions);
      return {
        ...crd,
        status: {
          ...recordAt(crd, "status"),
          storedVersions: [...new Set([...stored, ...storageVersionOf(crd)])],
        },
      };
    },
  },
};

function withNameLabel(namespace: KubeObject): KubeObject {
  const { metadata } = namespace;
  // With generateName the name, and so the label, is known only later: the server names objects before this runs.
  const labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
  return { ...namespace, metadata: { ...metadata, labels } };
}

function finalizersOf(namespace: KubeObject): string[] {
  return strings(recordAt(namespace, "spec")?.finalizers);
}

function withFoldedStringData({ stringData, ...secret }: KubeObject): KubeObject {
  const folded = stringEntries(stringData).map(([key, value]) => [key, base64(value)]);
  if (folded.length === 0) return secret as KubeObject;
  return { ...secret, data: { ...recordAt(secret, "data"), ...Object.fromEntries(folded) } } as KubeObject;
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

function withAddresses(service: KubeObject, { allocateClusterIp }: PrepareContext): KubeObject {
  const spec = recordAt(service, "spec");
  if (!spec || spec.type === "ExternalName") return service;
  const given = typeof spec.clusterIP === "string" && spec.clusterIP !== "" ? spec.clusterIP : undefined;
  const clusterIP = given ?? strings(spec.clusterIPs)[0] ?? allocateClusterIp();
  return {
    ...service,
    spec: { ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack", ...spec, clusterIP, clusterIPs: [clusterIP] },
    status: { loadBalancer: {}, ...recordAt(service, "status") },
  };
}

/** An update that leaves the address out keeps it. */
function withAddressesOf(service: KubeObject, old: KubeObject): KubeObject {
  const spec = recordAt(service, "spec"), oldSpec = recordAt(old, "spec");
  if (!spec || !oldSpec || spec.type === "ExternalName" || oldSpec.type === "ExternalName") return service;
  return { ...service, spec: { ...spec, clusterIP: spec.clusterIP ?? oldSpec.clusterIP } };
}

function storageVersionOf(crd: KubeObject): string[] {
  return records(recordAt(crd, "spec")?.versions).filter(({ storage }) => storage === true).map(({ name }) =>
    String(name)
  );
}

/** Guaranteed, Burstable or BestEffort (`pkg/apis/core/v1/helper/qos`). */
export function qosClassOf(pod: KubeObject): string {
  const spec = recordAt(pod, "spec");
  const containers = [...records(spec?.containers), ...records(spec?.initContainers)];
  const pairs = containers.flatMap((container) =>
    ["cpu", "memory"].map((resource) => ({
      request: recordAt(container, "resources", "requests")?.[resource],
      limit: recordAt(container, "resources", "limits")?.[resource],
    }))
  );
  if (pairs.every(({ request, limit }) => request === undefined && limit === undefined)) return "BestEffort";
  return pairs.every(({ request, limit }) => limit !== undefined && request === limit) ? "Guaranteed" : "Burstable";
}
