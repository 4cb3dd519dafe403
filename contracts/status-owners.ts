// pure
import type { ConditionType } from "./conditions.ts";
import type { PolicyStatus } from "./policy.ts";
import type { PolicyServerStatus } from "./policy-server.ts";

/** A service that writes status; its name is the field manager of its writes. */
export type StatusWriter = "certs" | "reconciler" | "webhook-registrar";

/** Which service alone writes a condition. The same table as prose: contracts/README.md. */
export const conditionOwners = {
  CARootSecretReconciled: "certs",
  CertSecretReconciled: "certs",
  ConfigMapReconciled: "reconciler",
  DeploymentReconciled: "reconciler",
  ServiceReconciled: "reconciler",
  PodDisruptionBudgetReconciled: "reconciler",
  PodsReady: "reconciler",
  Available: "reconciler",
  PolicyWebhooksCleanedUp: "webhook-registrar",
  PolicyServerConfigurationUpToDate: "reconciler",
  PolicyUniquelyReachable: "reconciler",
  PolicyActive: "webhook-registrar",
} as const satisfies Record<ConditionType, StatusWriter>;

/** Which service alone writes a field of a PolicyServer's status. */
export const policyServerFieldOwners = {
  caBundle: "certs",
  trustedCaDigest: "webhook-registrar",
} as const satisfies Record<Exclude<keyof PolicyServerStatus, "conditions">, StatusWriter>;

/** Which service alone writes a field of a policy's status. */
export const policyFieldOwners = {
  mode: "reconciler",
  servedBy: "reconciler",
  policyStatus: "webhook-registrar",
} as const satisfies Record<Exclude<keyof PolicyStatus, "conditions">, StatusWriter>;
