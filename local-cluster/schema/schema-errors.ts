// pure
import { isRawNumber, stringifyJson } from "../../contracts/json.ts";
import { cloneJson, equalJson } from "./clone.ts";
import {
  child,
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from "./field-error.ts";
import { fitsInteger, hasFormat } from "./formats.ts";
import { isRecord, type Schema } from "./schema.ts";

/**
 * What a schema says is wrong with a value, worded as k8s.io/kube-openapi does. With `old` (custom resources, on update)
 * a part that did not change is not complained about: validation ratcheting.
 */
export function schemaErrors(schema: Schema, value: unknown, path: string, old?: unknown): FieldError[] {
  if (old !== undefined && equalJson(value, old)) return [];
  if (value === null && schema.nullable === true) return [];
  const type = typeErrors(schema, value, path);
  if (type.length > 0) return type;
  return [
    ...enumErrors(schema, value, path),
    ...(typeof value === "string" ? stringErrors(schema, value, path) : []),
    ...(isNumber(value) ? numberErrors(schema, value, path) : []),
    ...(Array.isArray(value) ? listErrors(schema, value, path, old) : []),
    ...(isRecord(value) ? objectErrors(schema, value, path, old) : []),
    ...combinationErrors(schema, value, path),
  ];
}

function isNumber(value: unknown): value is number | { rawJSON: string } {
  return typeof value === "number" || isRawNumber(value);
}

function textOf(value: number | { rawJSON: string }): string {
  return typeof value === "number" ? String(value) : value.rawJSON;
}

function isInteger(value: unknown): boolean {
  if (typeof value === "number") return Number.isInteger(value);
  return isRawNumber(value) && (/^-?\d+$/.test(value.rawJSON) || Number.isInteger(Number(value.rawJSON)));
}

/** JSON's name of a value's type, as messages use it. */
function typeNameOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (isNumber(value)) return isInteger(value) ? "integer" : "number";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

function typeErrors(schema: Schema, value: unknown, path: string): FieldError[] {
  const wanted = schema["x-kubernetes-int-or-string"] === true ? "integer,string" : schema.type;
  if (wanted === undefined) return [];
  const actual = typeNameOf(value);
  const fits = wanted.split(",").includes(actual) || (wanted === "number" && actual === "integer");
  if (!fits) return [typeInvalid(path, actual, `${path} in body must be of type ${wanted}: "${actual}"`)];
  if (wanted === "integer" && isNumber(value) && !fitsInteger(schema.format, textOf(value))) {
    return [typeInvalid(path, value, `${path} in body must be of type ${schema.format ?? "int64"}: "${actual}"`)];
  }
  return [];
}

function enumErrors(schema: Schema, value: unknown, path: string): FieldError[] {
  if (!schema.enum || schema.enum.some((each) => equalJson(each, value))) return [];
  return [notSupported(path, value, schema.enum)];
}

function stringErrors(schema: Schema, value: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const length = [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) errors.push(tooLong(path, schema.maxLength));
  if (schema.minLength !== undefined && length < schema.minLength) {
    errors.push(invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`));
  }
  if (schema.pattern !== undefined && !regExpOf(schema.pattern).test(value)) {
    errors.push(invalid(path, value, `${path} in body should match '${schema.pattern}'`));
  }
  if (schema.format !== undefined && !hasFormat(schema.format, value)) {
    errors.push(typeInvalid(path, value, `${path} in body must be of type ${schema.format}: ${stringifyJson(value)}`));
  }
  return errors;
}

const patterns = new Map<string, RegExp>();

/** Go's RE2 syntax, as far as JavaScript shares it. */
export function regExpOf(pattern: string): RegExp {
  const known = patterns.get(pattern);
  if (known) return known;
  const flags = /^\(\?([is]+)\)/.exec(pattern);
  const compiled = new RegExp(flags ? pattern.slice(flags[0].length) : pattern, `u${flags?.[1] ?? ""}`);
  patterns.set(pattern, compiled);
  return compiled;
}

function numberErrors(schema: Schema, value: number | { rawJSON: string }, path: string): FieldError[] {
  const number = Number(textOf(value));
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const errors: FieldError[] = [];
  if (minimum !== undefined && (exclusiveMinimum ? number <= minimum : number < minimum)) {
    const words = exclusiveMinimum ? "greater than" : "greater than or equal to";
    errors.push(invalid(path, value, `${path} in body should be ${words} ${minimum}`));
  }
  if (maximum !== undefined && (exclusiveMaximum ? number >= maximum : number > maximum)) {
    const words = exclusiveMaximum ? "less than" : "less than or equal to";
    errors.push(invalid(path, value, `${path} in body should be ${words} ${maximum}`));
  }
  if (multipleOf !== undefined && !Number.isInteger(number / multipleOf)) {
    errors.push(invalid(path, value, `${path} in body should be a multiple of ${multipleOf}`));
  }
  return errors;
}

function listErrors(schema: Schema, value: unknown[], path: string, old: unknown): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    errors.push(tooMany(path, value.length, schema.maxItems));
  }
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    errors.push(invalid(path, value.length, `${path} in body should have at least ${schema.minItems} items`));
  }
  const seen = new Map<string, number>();
  value.forEach((each, index) => {
    const identity = uniqueIn(schema, each);
    if (identity !== undefined) {
      const text = canonicalText(identity);
      if (seen.has(text)) errors.push(duplicate(`${path}[${index}]`, identity));
      seen.set(text, index);
    }
    const before = correlatedItem(schema, each, old);
    if (schema.items) errors.push(...schemaErrors(schema.items, each, `${path}[${index}]`, before));
  });
  return errors;
}

/**
 * What must be unique in a list of type set or map; undefined where anything may repeat. Built-in kinds (the ones with a
 * patch strategy) check their own lists: a Pod may name a port twice.
 */
function uniqueIn(schema: Schema, item: unknown): unknown {
  return schema["x-kubernetes-patch-strategy"] === undefined ? identityIn(schema, item) : undefined;
}

/** An item's key in a list of type map, itself in a set. */
function identityIn(schema: Schema, item: unknown): unknown {
  if (schema["x-kubernetes-list-type"] === "set" || schema.uniqueItems === true) return item;
  if (schema["x-kubernetes-list-type"] !== "map" || !isRecord(item)) return undefined;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  return Object.fromEntries(
    keys.map((key): [string, unknown] => [key, item[key] ?? schema.items?.properties?.[key]?.default])
      .filter(([, each]) => each !== undefined),
  );
}

/** The old item that a new one corresponds to: only items of a map list have one. */
export function correlatedItem(schema: Schema, item: unknown, old: unknown): unknown {
  if (schema["x-kubernetes-list-type"] !== "map" || !Array.isArray(old)) return undefined;
  const identity = canonicalText(identityIn(schema, item));
  return old.find((each) => canonicalText(identityIn(schema, each)) === identity);
}

function canonicalText(value: unknown): string {
  const sorted = cloneJson(value);
  return stringifyJson(isRecord(sorted) ? Object.entries(sorted).sort(([a], [b]) => a < b ? -1 : 1) : sorted) ?? "";
}

function objectErrors(schema: Schema, value: Record<string, unknown>, path: string, old: unknown): FieldError[] {
  const errors: FieldError[] = [];
  const before = isRecord(old) ? old : {};
  const size = Object.keys(value).length;
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    errors.push(tooMany(path, size, schema.maxProperties));
  }
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    errors.push(invalid(path, size, `${path} in body should have at least ${schema.minProperties} properties`));
  }
  const needed = [
    ...schema.required ?? [],
    ...(schema["x-kubernetes-embedded-resource"] === true ? ["apiVersion", "kind"] : []),
  ];
  for (const name of needed) if (!Object.hasOwn(value, name)) errors.push(required(child(path, name)));
  for (const [key, each] of Object.entries(value)) {
    const property = schema.properties && Object.hasOwn(schema.properties, key)
      ? schema.properties[key]
      : typeof schema.additionalProperties === "object"
      ? schema.additionalProperties
      : undefined;
    if (property) errors.push(...schemaErrors(property, each, child(path, key), before[key]));
  }
  return errors;
}

function combinationErrors(schema: Schema, value: unknown, path: string): FieldError[] {
  const passes = (each: Schema) => schemaErrors(each, value, path).length === 0;
  const errors: FieldError[] = [];
  if (schema.allOf && !schema.allOf.every(passes)) {
    errors.push(...schema.allOf.flatMap((each) => schemaErrors(each, value, path)));
    errors.push(invalid(path, "", `"${path}" must validate all the schemas (allOf)`));
  }
  if (schema.anyOf && !schema.anyOf.some(passes)) {
    errors.push(invalid(path, "", `"${path}" must validate at least one schema (anyOf)`));
  }
  const matching = schema.oneOf?.filter(passes).length;
  if (matching !== undefined && matching !== 1) {
    const found = matching === 0 ? "Found none valid" : `Found ${matching} valid alternatives`;
    errors.push(invalid(path, "", `"${path}" must validate one and only one schema (oneOf). ${found}`));
  }
  if (schema.not && passes(schema.not)) {
    errors.push(invalid(path, "", `"${path}" must not validate the schema (not)`));
  }
  return errors;
}
