// pure

/** API group, version and the names of reference/controller.md 0.3 and 3.3: all of them are wire contract. */
export const apiGroup = "policies.kubewarden.io";
export const apiVersion = `${apiGroup}/v1`;

export const finalizer = "kubewarden.io/finalizer";
/** Of releases before 1.14: only ever dropped. */
export const legacyFinalizer = "kubewarden";
export const defaultPolicyServerName = "default";

/** Reference/controller.md 4.1. */
export const caSecretName = "kubewarden-ca";
export const caCertificateKey = "ca.crt";
/** Key of the ConfigMap that `--client-ca-configmap-name` names. Reference/controller.md 4.6. */
export const clientCaKey = "client-ca.crt";
export const auditClientSecretName = "kubewarden-audit-scanner-client-cert";

export const labels = {
  component: "app.kubernetes.io/component",
  instance: "app.kubernetes.io/instance",
  partOf: "app.kubernetes.io/part-of",
  managedBy: "app.kubernetes.io/managed-by",
  app: "app",
  policyServer: "kubewarden/policy-server",
  configVersion: "kubewarden/config-version",
} as const;

export const annotations = {
  configVersion: "kubewarden/config-version",
  /** On a Deployment: the `spec.replicas` of the PolicyServer that was applied last. Another one is applied once. */
  appliedReplicas: "kubewarden.io/applied-replicas",
  certFormatVersion: "kubewarden.io/cert-format-version",
  policyName: "kubewardenPolicyName",
  policyNamespace: "kubewardenPolicyNamespace",
  managedAnnotationKeys: "kubewarden.io/managed-annotation-keys",
  managedLabelKeys: "kubewarden.io/managed-label-keys",
  /** On a policy, our addition: how long its server may be without a ready pod before its webhook lets requests pass. */
  relaxWhenUnavailableAfter: "kubewarden-edge.io/relax-when-unavailable-after",
  /** On a webhook configuration that lets requests pass for that reason: since when no pod has been ready. */
  relaxedSince: "kubewarden-edge.io/relaxed-since",
  /** On a webhook configuration: the incarnation of the PolicyServer that it was registered for. */
  policyServerUid: "kubewarden-edge.io/policy-server-uid",
} as const;

export const partOfValue = "kubewarden";

/** ServiceAccounts of the controllers, as deploy/kustomize names them, in the deployments namespace. */
export const controllerServiceAccounts = ["certs", "reconciler", "webhook-registrar"] as const;

/** Name of every object a PolicyServer owns: Secret, ConfigMap, Deployment, Service, PodDisruptionBudget, container. */
export function ownedObjectName(policyServer: string): string {
  return `policy-server-${policyServer}`;
}

/** Value of the `app` label that the Deployment selects by. */
export function appLabelValue(policyServer: string): string {
  return `kubewarden-policy-server-${policyServer}`;
}

/** The four labels on everything a PolicyServer owns. */
export function commonLabels(policyServer: string): Record<string, string> {
  return {
    [labels.component]: "policy-server",
    [labels.instance]: ownedObjectName(policyServer),
    [labels.partOf]: partOfValue,
    [labels.managedBy]: "kubewarden-controller",
  };
}

/** The one DNS name of a policy server's certificate. */
export function serviceDnsName(policyServer: string, namespace: string): string {
  return `${ownedObjectName(policyServer)}.${namespace}.svc`;
}

export type PolicyKind =
  | "AdmissionPolicy"
  | "ClusterAdmissionPolicy"
  | "AdmissionPolicyGroup"
  | "ClusterAdmissionPolicyGroup";

/** A table row per policy kind, so that no code is written four times. */
export const policyKinds: Record<
  PolicyKind,
  { plural: string; shortName: string; namespaced: boolean; group: boolean }
> = {
  ClusterAdmissionPolicy: { plural: "clusteradmissionpolicies", shortName: "cap", namespaced: false, group: false },
  AdmissionPolicy: { plural: "admissionpolicies", shortName: "ap", namespaced: true, group: false },
  ClusterAdmissionPolicyGroup: {
    plural: "clusteradmissionpolicygroups",
    shortName: "capg",
    namespaced: false,
    group: true,
  },
  AdmissionPolicyGroup: { plural: "admissionpolicygroups", shortName: "apg", namespaced: true, group: true },
};

export const policyKindNames = Object.keys(policyKinds) as PolicyKind[];

/** Webhook configuration name, key in policies.yml and URL segment of a policy. */
export function uniqueName(kind: PolicyKind, metadata: { name: string; namespace?: string }): string {
  const { namespaced, group } = policyKinds[kind];
  const scope = namespaced
    ? `namespaced-${group ? "group-" : ""}${metadata.namespace ?? ""}`
    : `clusterwide${group ? "-group" : ""}`;
  return `${scope}-${metadata.name}`;
}

/** Name of the single webhook entry inside a policy's webhook configuration. */
export function webhookEntryName(unique: string): string {
  return `${unique}.kubewarden.admission`;
}

/** Path the API server calls for a policy, validating and mutating alike. */
export function validatePath(unique: string): string {
  return `/validate/${unique}`;
}
