// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations, apiVersion, labels, ownedObjectName, type PolicyKind } from "../../contracts/names.ts";
import type { PolicyServer } from "../../contracts/policy-server.ts";
import { versionedConfigMapName } from "./desired/config-map.ts";
import type { Observed } from "./facts.ts";
import type { Settings } from "./settings.ts";

/** What holds where no flag asks for anything. */
export const settings: Settings = {
  namespace: "kubewarden",
  alwaysAcceptNamespace: false,
  imagePullSecrets: [],
  hostNetwork: false,
  clientCaConfigMap: "",
  telemetry: {
    metrics: false,
    traces: false,
    metricsPort: 8080,
    sidecar: false,
    collector: { env: [], certificates: [] },
  },
};

type Metadata = Partial<KubeObject["metadata"]>;

/** As an API server would return it, like all objects here. */
export function policyServer(spec: object = {}, metadata: Metadata = {}, status: object = certified): PolicyServer {
  return {
    apiVersion,
    kind: "PolicyServer",
    metadata: {
      name: "default",
      uid: "server-uid",
      generation: 1,
      finalizers: ["kubewarden.io/finalizer"],
      ...metadata,
    },
    spec: { image: "ghcr.io/kubewarden/policy-server:v1", replicas: 1, ...spec },
    status,
  };
}

export const certified = {
  conditions: [{ type: "CertSecretReconciled", status: "True", reason: "ReconciliationSucceeded", message: "" }],
};

export function policy(kind: PolicyKind, name: string, spec: object = {}, metadata: Metadata = {}): KubeObject {
  const namespace = kind.startsWith("Cluster") ? {} : { namespace: "ns1" };
  const own = kind.endsWith("Group")
    ? { expression: "m1()", message: "no", policies: { m1: { module: "registry://r/q:v2" } } }
    : { module: "registry://r/p:v1", mutating: false };
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], operations: ["CREATE"] }];
  return {
    apiVersion,
    kind,
    metadata: { name, ...namespace, uid: `${name}-uid`, generation: 1, ...metadata },
    spec: { policyServer: "default", mode: "protect", rules, ...own, ...spec },
  };
}

export function deployment(version: string, uid = "deployment-uid"): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: ownedObjectName("default"),
      namespace: "kubewarden",
      uid,
      annotations: { [annotations.configVersion]: version },
      ownerReferences: [{ apiVersion, kind: "PolicyServer", name: "default", uid: "server-uid" }],
    },
  };
}

export function replicaSet(version: string, replicas = 1): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `rs-${version}`,
      namespace: "kubewarden",
      uid: `rs-${version}-uid`,
      ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: "d", uid: "deployment-uid" }],
    },
    spec: { replicas, template: { metadata: { labels: { [labels.configVersion]: version } } } },
  };
}

export function pod(name: string, version: string, status: object = ready, metadata: Metadata = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "kubewarden",
      uid: `${name}-uid`,
      labels: { [labels.configVersion]: version, [labels.policyServer]: "default" },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs", uid: `rs-${version}-uid` }],
      ...metadata,
    },
    status,
  };
}

export const ready = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
export const starting = { phase: "Running", conditions: [{ type: "Ready", status: "False" }] };
/** A pod whose container ended with these words and waits for its next start. */
export function crashed(message: string): object {
  return {
    ...starting,
    containerStatuses: [{
      name: "c",
      state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } },
      lastState: { terminated: { exitCode: 1, reason: "Error", message } },
    }],
  };
}

export function configMap(version: string, policiesFile: string, sourcesFile = "{}"): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: versionedConfigMapName("default", version),
      namespace: "kubewarden",
      uid: `cm-${version}-uid`,
      annotations: { [annotations.configVersion]: version },
    },
    data: { "policies.yml": policiesFile, "sources.yml": sourcesFile },
  };
}

export function observed(facts: Partial<Observed> = {}): Observed {
  return {
    name: "default",
    settings,
    server: policyServer() as KubeObject,
    policies: [],
    rivals: [],
    configMaps: [],
    replicaSets: [],
    pods: [],
    events: [],
    ...facts,
  };
}
