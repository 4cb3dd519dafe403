// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import type { ResourceType } from "../resource-type.ts";
import { recordAt, records } from "./access.ts";

type Fields = Record<string, unknown>;
type Defaulter = (object: KubeObject) => void;

const rbacGroup = "rbac.authorization.k8s.io";

/** Defaults of a kind that depend on other fields (upstream: `pkg/apis/<group>/v1/defaults.go`). */
export function defaultersFor(group: string, kind: string): Pick<ResourceType, "fillDefaults"> {
  const fillDefaults = defaulters[group === "" ? kind : `${kind}.${group}`];
  return fillDefaults ? { fillDefaults } : {};
}

const defaulters: Readonly<Record<string, Defaulter>> = {
  "Pod": (pod) => {
    const spec = recordAt(pod, "spec");
    if (!spec) return;
    defaultPodSpec(spec);
    spec.enableServiceLinks ??= true;
    for (const container of containersOf(spec)) requestsFromLimits(container);
  },
  "Deployment.apps": (deployment) => {
    defaultTemplate(deployment);
    const strategy = recordAt(deployment, "spec", "strategy");
    if (strategy?.type !== "RollingUpdate") return;
    const rolling = strategy.rollingUpdate ??= {};
    const fields = rolling as Fields;
    fields.maxUnavailable ??= "25%";
    fields.maxSurge ??= "25%";
  },
  "ReplicaSet.apps": defaultTemplate,
  "Service": (service) => {
    const spec = recordAt(service, "spec");
    if (!spec) return;
    for (const port of records(spec.ports)) port.targetPort ??= port.port;
    if (spec.type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
    if (spec.sessionAffinity === "ClientIP") {
      spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10800 } };
    }
  },
  "NetworkPolicy.networking.k8s.io": (policy) => {
    const spec = recordAt(policy, "spec");
    if (spec) spec.policyTypes ??= records(spec.egress).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
  },
  "RoleBinding.rbac.authorization.k8s.io": defaultSubjects,
  "ClusterRoleBinding.rbac.authorization.k8s.io": defaultSubjects,
  "CustomResourceDefinition.apiextensions.k8s.io": (crd) => {
    const names = recordAt(crd, "spec", "names");
    if (!names || typeof names.kind !== "string") return;
    names.singular ??= names.kind.toLowerCase();
    names.listKind ??= `${names.kind}List`;
  },
};

function defaultTemplate(owner: KubeObject): void {
  const template = recordAt(owner, "spec", "template");
  if (!template) return;
  // Go's encoding of a template without metadata; upstream prints `creationTimestamp: null` here up to 1.34.
  template.metadata ??= {};
  const spec = recordAt(template, "spec");
  if (spec) defaultPodSpec(spec);
}

function defaultPodSpec(spec: Fields): void {
  if (typeof spec.serviceAccountName === "string") spec.serviceAccount = spec.serviceAccountName;
  else if (typeof spec.serviceAccount === "string") spec.serviceAccountName = spec.serviceAccount;
  for (const volume of records(spec.volumes)) {
    const sources = Object.keys(volume).filter((key) => key !== "name");
    if (sources.length === 0) volume.emptyDir = {};
  }
  for (const container of containersOf(spec)) {
    container.imagePullPolicy ??= pullPolicyFor(String(container.image ?? ""));
    if (spec.hostNetwork === true) {
      for (const port of records(container.ports)) port.hostPort ??= port.containerPort;
    }
  }
}

/** `latest` and images without a tag are pulled always; a digest is as good as a tag. */
function pullPolicyFor(image: string): "Always" | "IfNotPresent" {
  if (image.includes("@")) return "IfNotPresent";
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent";
}

function requestsFromLimits(container: Fields): void {
  const resources = recordAt(container, "resources");
  const limits = resources && recordAt(resources, "limits");
  if (!resources || !limits) return;
  resources.requests = { ...limits, ...recordAt(resources, "requests") };
}

function defaultSubjects(binding: KubeObject): void {
  for (const subject of records(binding.subjects)) {
    subject.apiGroup ??= subject.kind === "ServiceAccount" ? "" : rbacGroup;
    if (subject.apiGroup === "") delete subject.apiGroup;
  }
}

function containersOf(spec: Fields): Fields[] {
  return [...records(spec.initContainers), ...records(spec.containers), ...records(spec.ephemeralContainers)];
}
