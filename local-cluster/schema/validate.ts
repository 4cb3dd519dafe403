// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { FieldError } from "./field-error.ts";
import type { ResourceType } from "./resource-type.ts";

/**
 * Everything the API server checks about an object after defaulting: types and bounds of the schema, CEL rules, metadata
 * syntax, the kind's own rules, and what may not change since `old`.
 */
export function validateObject(_type: ResourceType, _object: KubeObject, _old?: KubeObject): FieldError[] {
  return [];
}
