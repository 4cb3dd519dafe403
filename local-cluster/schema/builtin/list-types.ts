// pure

/**
 * How lists and maps of the built-in kinds merge, `model.field -> table`: what upstream's OpenAPI carries as
 * x-kubernetes-list-type, -list-map-keys, -map-type, -patch-strategy and -patch-merge-key, and the client's models lack.
 * A list that is not named here is atomic.
 */
export type ListTypeOf = {
  readonly keys?: readonly string[];
  readonly set?: true;
  /** Strategic merge patch: the key, when it merges by one; `""` merges a list of plain values. */
  readonly mergeKey?: string;
  readonly strategy?: "merge" | "merge,retainKeys" | "retainKeys" | "replace";
};

function by(key: string, ...more: string[]): ListTypeOf {
  return { keys: [key, ...more], mergeKey: key, strategy: "merge" };
}

export const listTypes: Readonly<Record<string, ListTypeOf>> = {
  "V1ObjectMeta.ownerReferences": by("uid"),
  "V1ObjectMeta.finalizers": { set: true, mergeKey: "", strategy: "merge" },
  "V1PodSpec.containers": by("name"),
  "V1PodSpec.initContainers": by("name"),
  "V1PodSpec.ephemeralContainers": by("name"),
  "V1PodSpec.imagePullSecrets": by("name"),
  "V1PodSpec.hostAliases": by("ip"),
  "V1PodSpec.schedulingGates": by("name"),
  "V1PodSpec.topologySpreadConstraints": by("topologyKey", "whenUnsatisfiable"),
  "V1PodSpec.volumes": { ...by("name"), strategy: "merge,retainKeys" },
  "V1PodSpec.resourceClaims": { ...by("name"), strategy: "merge,retainKeys" },
  "V1Container.env": by("name"),
  "V1Container.ports": by("containerPort", "protocol"),
  "V1Container.volumeMounts": by("mountPath"),
  "V1Container.volumeDevices": by("devicePath"),
  "V1EphemeralContainer.env": by("name"),
  "V1EphemeralContainer.ports": by("containerPort", "protocol"),
  "V1EphemeralContainer.volumeMounts": by("mountPath"),
  "V1EphemeralContainer.volumeDevices": by("devicePath"),
  "V1ResourceRequirements.claims": { keys: ["name"] },
  "V1PodStatus.conditions": by("type"),
  "V1PodStatus.podIPs": by("ip"),
  "V1PodStatus.hostIPs": { mergeKey: "ip", strategy: "merge" },
  "V1PodStatus.resourceClaimStatuses": { ...by("name"), strategy: "merge,retainKeys" },
  "V1ContainerStatus.volumeMounts": by("mountPath"),
  "V1ServiceSpec.ports": by("port", "protocol"),
  "V1ServiceStatus.conditions": by("type"),
  "V1ServiceAccount.secrets": by("name"),
  "V1NamespaceStatus.conditions": by("type"),
  "V1NodeSpec.podCIDRs": { set: true, mergeKey: "", strategy: "merge" },
  "V1NodeStatus.addresses": by("type"),
  "V1NodeStatus.conditions": by("type"),
  "V1DeploymentSpec.strategy": { strategy: "retainKeys" },
  "V1DeploymentStatus.conditions": by("type"),
  "V1ReplicaSetStatus.conditions": by("type"),
  "V1PodDisruptionBudgetSpec.selector": { strategy: "replace" },
  "V1PodDisruptionBudgetStatus.conditions": by("type"),
  "V1ValidatingWebhookConfiguration.webhooks": by("name"),
  "V1MutatingWebhookConfiguration.webhooks": by("name"),
  "V1ValidatingWebhook.matchConditions": by("name"),
  "V1MutatingWebhook.matchConditions": by("name"),
  "V1CustomResourceDefinitionStatus.conditions": { keys: ["type"] },
  "V1JSONSchemaProps.x-kubernetes-validations": { keys: ["rule"], mergeKey: "rule", strategy: "merge" },
};

/** Models whose value is replaced as a whole by server-side apply. */
export const atomicModels: ReadonlySet<string> = new Set([
  "V1LabelSelector",
  "V1LocalObjectReference",
  "V1ObjectReference",
  "V1OwnerReference",
  "V1SecretKeySelector",
  "V1ConfigMapKeySelector",
  "V1ObjectFieldSelector",
  "V1ResourceFieldSelector",
  "V1TypedLocalObjectReference",
  "V1NodeSelector",
  "V1NodeSelectorTerm",
  "V1EndpointAddress",
  "CoreV1EndpointPort",
  "DiscoveryV1EndpointPort",
  "V1SecretReference",
  "V1RoleRef",
  "RbacV1Subject",
  "V1FileKeySelector",
]);

/** Maps of plain values that server-side apply replaces as a whole. */
export const atomicMaps: ReadonlySet<string> = new Set(["V1PodSpec.nodeSelector", "V1ServiceSpec.selector"]);
