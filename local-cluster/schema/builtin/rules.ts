import { validateCrd } from "../crd.ts";
import type { FieldError } from "../field-error.ts";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import type { ResourceType } from "../resource-type.ts";
import { recordAt } from "./access.ts";
import { dataErrors, eventErrors, leaseErrors, secretErrors, serviceErrors } from "./config-rules.ts";
import { podChangeErrors, podSpecErrors } from "./pod-rules.ts";
import { networkPolicyErrors } from "./network-rules.ts";
import { priorityClassErrors } from "./priority-rules.ts";
import { bindingErrors, roleErrors } from "./rbac-rules.ts";
import { webhookConfigurationErrors } from "./webhook-rules.ts";
import { budgetErrors, deploymentErrors, templatedErrors } from "./workload-rules.ts";

/** Rules of a built-in kind beyond its schema: cross-field rules and what may not change. */
export function rulesFor(group: string, kind: string): Pick<ResourceType, "validate"> {
  const validate = rules[group === "" ? kind : `${kind}.${group}`];
  return validate ? { validate } : {};
}

type Rules = (object: KubeObject, old: KubeObject | undefined) => FieldError[];

const rules: Readonly<Record<string, Rules>> = {
  "Pod": (pod, old) => old ? podChangeErrors(pod, old) : podSpecErrors(recordAt(pod, "spec") ?? {}, "spec"),
  "ConfigMap": dataErrors,
  "Secret": secretErrors,
  "Service": serviceErrors,
  "Event": eventErrors,
  "Event.events.k8s.io": eventErrors,
  "Deployment.apps": deploymentErrors,
  "ReplicaSet.apps": templatedErrors,
  "PodDisruptionBudget.policy": budgetErrors,
  "NetworkPolicy.networking.k8s.io": networkPolicyErrors,
  "PriorityClass.scheduling.k8s.io": priorityClassErrors,
  "Lease.coordination.k8s.io": leaseErrors,
  "Role.rbac.authorization.k8s.io": roleErrors,
  "ClusterRole.rbac.authorization.k8s.io": roleErrors,
  "RoleBinding.rbac.authorization.k8s.io": bindingErrors,
  "ClusterRoleBinding.rbac.authorization.k8s.io": bindingErrors,
  "ValidatingWebhookConfiguration.admissionregistration.k8s.io": webhookConfigurationErrors,
  "MutatingWebhookConfiguration.admissionregistration.k8s.io": webhookConfigurationErrors,
  "CustomResourceDefinition.apiextensions.k8s.io": validateCrd,
};
