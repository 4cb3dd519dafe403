// pure
import type { Condition, ConditionStatus, KubeObject } from "./kubernetes.ts";

/** Why pods of a policy server do not come up: on `PodsReady`, and on every policy that waits for those pods. */
export const podProblemReasons = [
  "ImagePullFailed",
  "PodUnschedulable",
  "QuotaExceeded",
  "PodCreationRefused",
  "SecretOrConfigMapMissing",
  "VolumeMountFailed",
  "CrashLoop",
  "PolicyServerStartFailed",
] as const;

/** Why a policy server could not load a policy, as its pod said; the last one is for everything else. */
export const policyLoadReasons = [
  "ModuleFetchFailed",
  "VerificationFailed",
  "ModuleInvalid",
  "SettingsInvalid",
  "PolicyLoadFailed",
] as const;

/** Why a policy's present generation is in no configuration, whatever runs (`policy-checks.ts`). */
export const policyFindingReasons = ["PolicyInvalid", "NameTooLong", "NameCollision"] as const;

/**
 * Condition types, what True means, and their reasons. One service owns each type (contracts/README.md);
 * `reason` is always one of these words, `message` a sentence for a person. What each one asks for: docs/status.md.
 */
export const conditionReasons = {
  // PolicyServer
  /** The certificate authority is in its Secret. */
  CARootSecretReconciled: ["ReconciliationSucceeded", "Issuing", "ReconciliationFailed"],
  /** The server's serving certificate is in its Secret. */
  CertSecretReconciled: ["ReconciliationSucceeded", "Issuing", "ReconciliationFailed"],
  /** The ConfigMaps hold the server's configuration. */
  ConfigMapReconciled: ["ReconciliationSucceeded", "ReconciliationFailed", "PolicyServerInvalid"],
  /** The Deployment is as the PolicyServer asks for; its Pods may still be starting. */
  DeploymentReconciled: [
    "ReconciliationSucceeded",
    "ReconciliationFailed",
    "WaitingForCertificate",
    "ClientCaMissing",
    "PolicyServerInvalid",
  ],
  /** The Service is as the PolicyServer asks for. */
  ServiceReconciled: ["ReconciliationSucceeded", "ReconciliationFailed", "PolicyServerInvalid"],
  /** The budget is as the PolicyServer asks for, or absent if it asks for none. */
  PodDisruptionBudgetReconciled: ["ReconciliationSucceeded", "ReconciliationFailed", "PolicyServerInvalid"],
  /** All Pods run the present configuration and are ready. */
  PodsReady: [
    "PodsReady",
    "WaitingForDeployment",
    "PodsNotReady",
    "NoReplicas",
    "PolicyLoadFailed",
    "PolicyServerInvalid",
    ...podProblemReasons,
  ],
  /** Some Pod is ready, whatever configuration it runs: somebody answers. */
  Available: ["PodReady", "NoPodReady"],
  /** The PolicyServer is being deleted and no webhook calls it any more. */
  PolicyWebhooksCleanedUp: ["ReconciliationSucceeded", "ReconciliationFailed"],
  // Policies
  /** This generation of the policy is in the configuration that the Deployment names. */
  PolicyServerConfigurationUpToDate: [
    "ConfigurationVersionMatch",
    "ConfigurationVersionMismatch",
    "UnknownConfigurationVersion",
    "PolicyServerNotFound",
    "PolicyServerTerminating",
    "PolicyServerInvalid",
    ...policyFindingReasons,
  ],
  /** Every live Pod of the server serves that configuration. */
  PolicyUniquelyReachable: [
    "LatestReplicaSetIsUniquelyReachable",
    "LatestReplicaSetIsNotUniquelyReachable",
    "PolicyServerNotFound",
    "PolicyServerTerminating",
    "PolicyServerInvalid",
    "NoReplicas",
    "OtherPolicyFailed",
    ...policyFindingReasons,
    ...policyLoadReasons,
    ...podProblemReasons,
  ],
  /** The API server sends requests to the policy. */
  PolicyActive: [
    "PolicyActive",
    "WaitingForPolicyServer",
    "PolicyServerNotFound",
    "WebhookRefused",
    "WebhookRelaxed",
    "PolicyTerminating",
  ],
} as const satisfies Record<string, readonly string[]>;

/** Reasons of a False condition that pass without anybody's doing; all others ask for a person. */
export const passingReasons: ReadonlySet<string> = new Set([
  "ConfigurationVersionMismatch",
  "Issuing",
  "LatestReplicaSetIsNotUniquelyReachable",
  "NoPodReady",
  "PolicyServerTerminating",
  "PolicyTerminating",
  "PodsNotReady",
  "WaitingForCertificate",
  "WaitingForDeployment",
  "WaitingForPolicyServer",
]);

/** Reasons of a True condition that ask for a person all the same. */
export const alarmingReasons: ReadonlySet<string> = new Set(["WebhookRelaxed"]);

export type ConditionType = keyof typeof conditionReasons;
export type ConditionReason<T extends ConditionType> = (typeof conditionReasons)[T][number];

/** A condition without its time: the writer keeps the old time where the status did not change. */
export function condition<T extends ConditionType>(
  type: T,
  status: ConditionStatus,
  reason: ConditionReason<T>,
  message: string,
  observedGeneration?: number,
): Omit<Condition, "lastTransitionTime"> {
  return { type, status, reason, message, ...(observedGeneration === undefined ? {} : { observedGeneration }) };
}

/** Finds a condition in any object's `status.conditions`. */
export function findCondition(object: KubeObject | { status?: unknown }, type: ConditionType): Condition | undefined {
  const conditions = (object.status as { conditions?: Condition[] } | undefined)?.conditions;
  return conditions?.find((each) => each.type === type);
}
