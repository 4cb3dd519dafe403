// pure
import { stringifyJson } from "../../contracts/json.ts";

/** `reason` of a cause in metav1.Status details, as k8s.io/apimachinery field errors name them. */
export type FieldErrorReason =
  | "FieldValueNotFound"
  | "FieldValueRequired"
  | "FieldValueDuplicate"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueTypeInvalid"
  | "InternalError";

/** One thing wrong with one field. `message` is worded as the API server words it, without the path in front. */
export type FieldError = { readonly path: string; readonly reason: FieldErrorReason; readonly message: string };

/** `spec.replicas: Invalid value: -1: must be ...`, as one cause reads in a Status message. */
export function renderFieldError({ path, message }: FieldError): string {
  return `${path}: ${message}`;
}

/** The text after `is invalid: ` in a Status message: one cause as it is, several in brackets. */
export function renderFieldErrors(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(renderFieldError))];
  return texts.length === 1 ? texts[0] ?? "" : `[${texts.join(", ")}]`;
}

export function invalid(path: string, value: unknown, detail: string): FieldError {
  return { path, reason: "FieldValueInvalid", message: `Invalid value: ${renderValue(value)}: ${detail}` };
}

export function typeInvalid(path: string, value: unknown, detail: string): FieldError {
  return { path, reason: "FieldValueTypeInvalid", message: `Invalid value: ${renderValue(value)}: ${detail}` };
}

export function required(path: string, detail = ""): FieldError {
  return {
    path,
    reason: "FieldValueRequired",
    message: detail === "" ? "Required value" : `Required value: ${detail}`,
  };
}

export function forbidden(path: string, detail: string): FieldError {
  return { path, reason: "FieldValueForbidden", message: `Forbidden: ${detail}` };
}

export function duplicate(path: string, value: unknown): FieldError {
  return { path, reason: "FieldValueDuplicate", message: `Duplicate value: ${renderValue(value)}` };
}

export function notFound(path: string, value: unknown): FieldError {
  return { path, reason: "FieldValueNotFound", message: `Not found: ${renderValue(value)}` };
}

export function tooLong(path: string, maxBytes: number): FieldError {
  return { path, reason: "FieldValueTooLong", message: `Too long: may not be more than ${maxBytes} bytes` };
}

export function tooMany(path: string, actual: number, max: number): FieldError {
  return {
    path,
    reason: "FieldValueTooMany",
    message: `Too many: ${actual}: must have at most ${max} ${max === 1 ? "item" : "items"}`,
  };
}

export function notSupported(path: string, value: unknown, supported: readonly unknown[]): FieldError {
  return {
    path,
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${renderValue(value)}: supported values: ${supported.map(renderValue).join(", ")}`,
  };
}

/** Values as Go's `%#v` of the API server prints them: strings quoted, objects and lists as JSON. */
function renderValue(value: unknown): string {
  return value === undefined ? "null" : stringifyJson(value);
}

/** `parent.key`, or `parent[key]` where the key is data (a map's key) rather than a field's name. */
export function child(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
