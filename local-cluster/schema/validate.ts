import type { KubeObject } from "../../contracts/kubernetes.ts";
import { celErrors } from "./cel-rules.ts";
import type { FieldError } from "./field-error.ts";
import { metadataErrors } from "./metadata.ts";
import type { ResourceType } from "./resource-type.ts";
import { schemaErrors } from "./schema-errors.ts";

/** Errors that make CEL rules meaningless: upstream then leaves the rules out and says so. */
const blocking = new Set(["FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"]);

/**
 * Everything the API server checks about an object after defaulting: metadata syntax, types and bounds of the schema, CEL
 * rules, the kind's own rules, and what may not change since `old`.
 */
export function validateObject(type: ResourceType, object: KubeObject, old?: KubeObject): FieldError[] {
  const metadata = metadataErrors(type, object, old);
  const schema = schemaErrors(type.schema, object, "", type.custom ? old : undefined);
  if (!type.custom) {
    // A kind's own rules read fields by type, so they only make sense on an object of the right shape.
    return schema.length > 0 ? [...metadata, ...schema] : [...metadata, ...type.validate?.(object, old) ?? []];
  }
  const rules = schema.some(({ reason }) => blocking.has(reason))
    ? rulesLeftOut(type)
    : celErrors(type.schema, object, old);
  return [...metadata, ...schema, ...rules, ...type.validate?.(object, old) ?? []];
}

function rulesLeftOut(type: ResourceType): FieldError[] {
  if (!JSON.stringify(type.schema).includes("x-kubernetes-validations")) return [];
  return [{
    path: "<nil>",
    reason: "FieldValueInvalid",
    message:
      "Invalid value: null: some validation rules were not checked because the object was invalid; correct the " +
      "existing errors to complete validation",
  }];
}
