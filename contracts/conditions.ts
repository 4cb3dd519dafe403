// pure
import type { Condition, ConditionStatus, KubeObject } from "./kubernetes.ts";

/**
 * Condition types, what True means, and their reasons. One service owns each type (contracts/README.md);
 * `reason` is always one of these words, `message` a sentence for a person.
 */
export const conditionReasons = {
  // PolicyServer
  /** The certificate authority is in its Secret. */
  CARootSecretReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
  /** The server's serving certificate is in its Secret. */
  CertSecretReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
  /** The ConfigMaps hold the server's configuration. */
  ConfigMapReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
  /** The Deployment is as the PolicyServer asks for; its Pods may still be starting. */
  DeploymentReconciled: ["ReconciliationSucceeded", "ReconciliationFailed", "WaitingForCertificate"],
  /** The Service is as the PolicyServer asks for. */
  ServiceReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
  /** The budget is as the PolicyServer asks for, or absent if it asks for none. */
  PodDisruptionBudgetReconciled: ["ReconciliationSucceeded", "ReconciliationFailed"],
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
    "PolicyInvalid",
    "NameCollision",
  ],
  /** Every live Pod of the server serves that configuration. */
  PolicyUniquelyReachable: [
    "LatestReplicaSetIsUniquelyReachable",
    "LatestReplicaSetIsNotUniquelyReachable",
    "PolicyServerNotFound",
    "PolicyServerTerminating",
    "PolicyLoadFailed",
    "PolicyServerStartFailed",
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
