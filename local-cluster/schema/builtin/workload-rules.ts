// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../field-error.ts";
import { selectorErrors, selectorMatches } from "../label-selector.ts";
import { immutable } from "../metadata.ts";
import { labelErrors } from "../names.ts";
import { isRecord } from "../schema.ts";
import { recordAt, stringEntries } from "./access.ts";
import { podSpecErrors } from "./pod-rules.ts";

/** What Deployments and ReplicaSets share: replicas, the selector, and a template it matches. */
export function templatedErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = recordAt(object, "spec") ?? {};
  const template = recordAt(spec, "template") ?? {};
  const labels = stringEntries(recordAt(template, "metadata")?.labels);
  const restart = recordAt(template, "spec")?.restartPolicy;
  return [
    ...nonNegative("spec.replicas", spec.replicas),
    ...nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...selectorOf(spec, labels),
    ...(old ? immutable("spec.selector", spec.selector, recordAt(old, "spec")?.selector) : []),
    ...labelErrors("spec.template.metadata.labels", labels),
    ...podSpecErrors(recordAt(template, "spec") ?? {}, "spec.template.spec"),
    ...(restart === "Always" || restart === undefined
      ? []
      : [notSupported("spec.template.spec.restartPolicy", restart, ["Always"])]),
  ];
}

function selectorOf({ selector }: Record<string, unknown>, labels: [string, string][]): FieldError[] {
  if (!isRecord(selector)) return [required("spec.selector")];
  const empty = stringEntries(selector.matchLabels).length === 0 && !Array.isArray(selector.matchExpressions);
  if (empty) return [invalid("spec.selector", selector, "empty selector is invalid for deployment")];
  const given = Object.fromEntries(labels);
  return [
    ...selectorErrors("spec.selector", selector),
    ...(selectorMatches(selector, given)
      ? []
      : [invalid("spec.template.metadata.labels", given, "`selector` does not match template `labels`")]),
  ];
}

/** `ValidateDeploymentSpec`. */
export function deploymentErrors(deployment: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = recordAt(deployment, "spec") ?? {};
  return [
    ...templatedErrors(deployment, old),
    ...strategyErrors(recordAt(spec, "strategy") ?? {}),
    ...nonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
    ...nonNegative("spec.progressDeadlineSeconds", spec.progressDeadlineSeconds),
    ...(Number(spec.progressDeadlineSeconds ?? 600) <= Number(spec.minReadySeconds ?? 0)
      ? [invalid("spec.progressDeadlineSeconds", spec.progressDeadlineSeconds, "must be greater than minReadySeconds")]
      : []),
  ];
}

function strategyErrors({ type, rollingUpdate }: Record<string, unknown>): FieldError[] {
  const path = "spec.strategy.rollingUpdate";
  if (type === "Recreate") {
    return rollingUpdate === undefined
      ? []
      : [forbidden(path, "may not be specified when strategy `type` is 'Recreate'")];
  }
  if (!isRecord(rollingUpdate)) return [];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const isZero = (value: unknown) => value === 0 || value === "0%";
  return [
    ...intOrPercent(`${path}.maxUnavailable`, maxUnavailable),
    ...intOrPercent(`${path}.maxSurge`, maxSurge),
    ...(isZero(maxUnavailable) && isZero(maxSurge)
      ? [invalid(`${path}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0")]
      : []),
  ];
}

/** `ValidatePodDisruptionBudgetSpec`. */
export function budgetErrors(budget: KubeObject): FieldError[] {
  const spec = recordAt(budget, "spec") ?? {};
  const { minAvailable, maxUnavailable } = spec;
  return [
    ...(minAvailable !== undefined && maxUnavailable !== undefined
      ? [invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")]
      : []),
    ...intOrPercent("spec.minAvailable", minAvailable),
    ...intOrPercent("spec.maxUnavailable", maxUnavailable),
    ...selectorErrors("spec.selector", spec.selector),
  ];
}

function intOrPercent(path: string, value: unknown): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === "number") return nonNegative(path, value);
  if (/^\d+%$/.test(String(value))) {
    return Number.parseInt(String(value)) > 100 && path.endsWith("maxUnavailable")
      ? [invalid(path, value, "must not be greater than 100%")]
      : [];
  }
  const why =
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex " +
    "used for validation is '[0-9]+%')";
  return [invalid(path, value, why)];
}

function nonNegative(path: string, value: unknown): FieldError[] {
  return typeof value === "number" && value < 0 ? [invalid(path, value, "must be greater than or equal to 0")] : [];
}
