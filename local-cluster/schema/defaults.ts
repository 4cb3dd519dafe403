// pure
import { cloneJson } from "./clone.ts";
import { isRecord, type Schema } from "./schema.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { ResourceType } from "./resource-type.ts";

/** All defaults of a type, in place: the schema's, then those that depend on other fields. */
export function applyTypeDefaults(type: ResourceType, object: KubeObject): void {
  dropNulls(type.schema, object);
  applyDefaults(type.schema, object);
  type.fillDefaults?.(object);
}

/** Structural defaulting in place: a missing property with a default gets a copy of it, then defaults apply inside. */
export function applyDefaults(schema: Schema, value: unknown): void {
  if (Array.isArray(value)) {
    if (schema.items) { for (const each of value) applyDefaults(schema.items, each); }
    return;
  }
  if (!isRecord(value)) return;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const missing = !Object.hasOwn(value, key) || (value[key] === null && property.nullable !== true);
    if (missing && property.default !== undefined) value[key] = cloneJson(property.default);
    if (Object.hasOwn(value, key)) applyDefaults(property, value[key]);
  }
  if (typeof schema.additionalProperties === "object") {
    for (const [key, each] of Object.entries(value)) {
      if (!Object.hasOwn(schema.properties ?? {}, key)) applyDefaults(schema.additionalProperties, each);
    }
  }
}

/** Nulls where the schema is not nullable: dropped, as structural defaulting does and as Go decodes them. */
function dropNulls(schema: Schema, value: unknown): void {
  if (Array.isArray(value)) {
    if (schema.items) { for (const each of value) dropNulls(schema.items, each); }
    return;
  }
  if (!isRecord(value)) return;
  for (const [key, each] of Object.entries(value)) {
    const property = schema.properties?.[key] ??
      (typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined);
    if (each === null && property && property.nullable !== true) delete value[key];
    else if (property) dropNulls(property, each);
  }
}
