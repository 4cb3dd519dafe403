// pure
import { cloneJson } from "./clone.ts";
import { isRecord, type Schema } from "./schema.ts";

/**
 * Structural defaulting in place: a missing property with a default gets a copy of it, then defaults apply inside. A null
 * where the schema is not nullable and has a default counts as missing.
 */
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
