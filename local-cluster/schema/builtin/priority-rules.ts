// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { type FieldError, forbidden } from "../field-error.ts";
import { immutable } from "../metadata.ts";

/** The highest priority that a class of users may have. */
const highest = 1_000_000_000;

/** `ValidatePriorityClass` and `ValidatePriorityClassUpdate`. */
export function priorityClassErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const { value, preemptionPolicy, metadata: { name } } = object;
  const isSystem = name.startsWith("system-");
  return [
    ...(!isSystem && Number(value) > highest
      ? [forbidden("value", `maximum allowed value of a user defined priority is ${highest}`)]
      : []),
    ...(old ? immutable("value", value, old.value) : []),
    ...(old ? immutable("preemptionPolicy", preemptionPolicy, old.preemptionPolicy) : []),
  ];
}
