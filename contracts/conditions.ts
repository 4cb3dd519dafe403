// pure
import type { Condition, ConditionStatus, KubeObject } from "./kubernetes.ts";

/**
 * Condition types and their reasons, with what True means. One service owns each type (contracts/README.md);
 * `reason` is always one of these words, `message` a sentence for a person.
 */
export const conditionReasons = {
  // PolicyServer
  CARootSecretReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
  CertSecretReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
  ConfigMapReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
  DeploymentReconciled: ["ReconciliationSucceeded", "ReconciliationFailed", "WaitingForCertificate"],
  ServiceReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
  PodDisruptionBudgetReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
  PolicyWebhooksCleanedUp: ["ReconciliationSucceeded", "ReconciliationFailed"],
  // Policies
  PolicyServerConfigurationUpToDate: [
    "ConfigurationVersionMatch",
    "ConfigurationVersionMismatch",
    "UnknownConfigurationVersion",
    "PolicyServerNotFound",
    "PolicyServerTerminating",
    "PolicyInvalid",
    "NameCollision",
  ],
  PolicyUniquelyReachable: [
    "LatestReplicaSetIsUniquelyReachable",
    "LatestReplicaSetIsNotUniquelyReachable",
    "PolicyServerNotFound",
    "PolicyServerTerminating",
    "PolicyLoadFailed",
    "PolicyServerStartFailed",
  ],
  PolicyActive: [
    "PolicyActive",
    "WaitingForPolicyServer",
    "PolicyServerNotFound",
    "WebhookRefused",
    "PolicyTerminating",
  ],
} as const satisfies Record<string, readonly string[]>;

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
