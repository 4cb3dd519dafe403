// pure
import { isRecord, type Schema } from "./schema.ts";

/**
 * Removes every field the schema does not know, in place, and returns their paths as strict field validation names them
 * (`spec.foo`, `spec.containers[0].bar`). metadata, apiVersion and kind must be in the schema (they are, for our types).
 */
export function pruneUnknown(schema: Schema, value: unknown, path = ""): string[] {
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined ? [] : value.flatMap((each, index) => pruneUnknown(items, each, `${path}[${index}]`));
  }
  if (!isRecord(value)) return [];
  const { properties = {}, additionalProperties } = schema;
  const keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] === true || additionalProperties === true ||
    (schema.properties === undefined && additionalProperties === undefined && schema.type === undefined);
  const unknown: string[] = [];
  for (const key of Object.keys(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (known) unknown.push(...pruneUnknown(known, value[key], at));
    else if (typeof additionalProperties === "object") {
      unknown.push(...pruneUnknown(additionalProperties, value[key], at));
    } else if (!keepsUnknown && !isEmbeddedField(schema, key)) {
      unknown.push(at);
      delete value[key];
    }
  }
  return unknown;
}

function isEmbeddedField(schema: Schema, key: string): boolean {
  return schema["x-kubernetes-embedded-resource"] === true && ["apiVersion", "kind", "metadata"].includes(key);
}
