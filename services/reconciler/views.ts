// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { viewOf } from "../../runtime/kube/object-view.ts";

/** What of a PolicyServer concerns the reconciler: what it asks for, what is written here, and whom it waits for. */
export function serverView(server: KubeObject): unknown {
  return viewOf(server, {
    conditions: [
      "CertSecretReconciled",
      "PolicyWebhooksCleanedUp",
      "ConfigMapReconciled",
      "DeploymentReconciled",
      "ServiceReconciled",
      "PodDisruptionBudgetReconciled",
      "PodsReady",
      "Available",
    ],
  });
}

/** What of a policy: not what the registrar says about it. */
export function policyView(policy: KubeObject): unknown {
  return viewOf(policy, {
    conditions: ["PolicyServerConfigurationUpToDate", "PolicyUniquelyReachable"],
    fields: ["mode", "servedBy"],
  });
}
