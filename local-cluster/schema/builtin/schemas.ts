// pure
import type { Schema } from "../schema.ts";
import { allowedWords, defaultValues } from "./field-values.ts";
import { atomicMaps, atomicModels, listTypes } from "./list-types.ts";
import { builtinModels } from "./models.ts";

/** Model to its lines `field type format`. */
const models = new Map(
  builtinModels.split(/\n(?=\w)/).map((block): [string, string[]] => {
    const [name = "", ...fields] = block.trimEnd().split("\n");
    return [name, fields];
  }),
);
const cache = new Map<string, Schema>();

/** Models that are recursive or free-form: their inside is checked by code, not by schema. */
const openModels = new Set(["V1JSONSchemaProps"]);

/** Quantities may be written as numbers too (`cpu: 1`), so their fields take both. */
const quantityFields = new Set([
  "V1ResourceRequirements.limits",
  "V1ResourceRequirements.requests",
  "V1PodSpec.overhead",
  "V1EmptyDirVolumeSource.sizeLimit",
  "V1ResourceFieldSelector.divisor",
  "V1NodeStatus.capacity",
  "V1NodeStatus.allocatable",
]);

/** Fields that the client's models call required and the API server takes without. */
const optionalFields = new Set(["EventsV1Event.eventTime", "CoreV1Event.metadata", "V1EndpointSlice.endpoints"]);

/** The schema of one model of the client library, e.g. `V1Deployment`. Throws on a name that is not in models.ts. */
export function schemaOfModel(name: string): Schema {
  const known = cache.get(name);
  if (known) return known;
  const fields = models.get(name);
  if (!fields) throw new RangeError(`No model "${name}" in models.ts`);
  const schema = openModels.has(name) ? openObject : objectSchema(name, fields);
  cache.set(name, schema);
  return schema;
}

const openObject: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

function objectSchema(model: string, fields: readonly string[]): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const line of fields) {
    const [, marked = "", type = ""] = /^\s*(\S+) (.+)$/.exec(line) ?? [];
    const name = marked.replace(/!$/, "");
    properties[name] = fieldSchema(`${model}.${name}`, type);
    // A status is written field by field by several controllers; the API server asks for none of it.
    if (marked.endsWith("!") && !/Status$/.test(model) && !optionalFields.has(`${model}.${name}`)) required.push(name);
  }
  return {
    type: "object",
    properties,
    ...(required.length > 0 ? { required } : {}),
    ...(atomicModels.has(model) ? { "x-kubernetes-map-type": "atomic" } : {}),
  };
}

function fieldSchema(path: string, type: string): Schema {
  const base = quantityFields.has(path) ? quantitySchema(type) : schemaOfType(type);
  const { keys, set, strategy, mergeKey } = listTypes[path] ?? {};
  return {
    ...base,
    ...(allowedWords[path] ? { enum: allowedWords[path] } : {}),
    ...(path in defaultValues ? { default: defaultValues[path] } : {}),
    ...(atomicMaps.has(path) ? { "x-kubernetes-map-type": "atomic" as const } : {}),
    ...(base.type === "array"
      ? { "x-kubernetes-list-type": keys ? "map" as const : set ? "set" as const : "atomic" as const }
      : {}),
    ...(keys ? { "x-kubernetes-list-map-keys": keys } : {}),
    ...(strategy ? { "x-kubernetes-patch-strategy": strategy } : {}),
    ...(mergeKey ? { "x-kubernetes-patch-merge-key": mergeKey } : {}),
  };
}

const quantity: Schema = { "x-kubernetes-int-or-string": true, format: "quantity" };

function quantitySchema(type: string): Schema {
  return type.startsWith("{") ? { type: "object", additionalProperties: quantity } : quantity;
}

function schemaOfType(type: string): Schema {
  const map = /^\{ \[key: string\]: (.+); \}(?: ([\w-]+))?$/.exec(type);
  if (map) return { type: "object", additionalProperties: schemaOfType(`${map[1]}${map[2] ? ` ${map[2]}` : ""}`) };
  const list = /^Array<(.+)>(?: ([\w-]+))?$/.exec(type);
  if (list) return { type: "array", items: schemaOfType(`${list[1]}${list[2] ? ` ${list[2]}` : ""}`) };
  const [name = "", format] = type.split(" ");
  switch (name) {
    case "string":
      return { type: "string", ...(format ? { format } : {}) };
    case "boolean":
      return { type: "boolean" };
    case "number":
      return format === "double" ? { type: "number", format } : { type: "integer", ...(format ? { format } : {}) };
    case "Date":
    case "V1MicroTime":
      return { type: "string", format: format ?? "date-time", nullable: true };
    case "IntOrString":
      return { "x-kubernetes-int-or-string": true };
    case "any":
      return { "x-kubernetes-preserve-unknown-fields": true };
    default:
      return schemaOfModel(name);
  }
}
