// pure
import { records } from "./builtin/access.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "./field-error.ts";
import { isRecord, type Schema } from "./schema.ts";
import { schemaErrors } from "./schema-errors.ts";

const types = ["array", "boolean", "integer", "number", "object", "string"];

/** Keywords of JSONSchemaProps that a structural schema may not use, with upstream's words where it has some. */
const refused: Readonly<Record<string, string>> = {
  "$ref": "must be empty to be structural",
  "definitions": "definitions is not supported",
  "dependencies": "dependencies is not supported",
  "patternProperties": "patternProperties is not supported",
  "additionalItems": "additionalItems is not supported",
  "id": "id is not supported",
  "$schema": "$schema is not supported",
};

const keywords = new Set([
  ...["type", "format", "title", "description", "default", "nullable", "enum", "pattern", "minLength", "maxLength"],
  ...[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
  ],
  ...["minProperties", "maxProperties", "properties", "additionalProperties", "items", "required", "allOf", "anyOf"],
  ...["oneOf", "not", "example", "externalDocs", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"],
  ...["x-kubernetes-embedded-resource", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"],
  ...["x-kubernetes-map-type", "x-kubernetes-validations"],
]);

/** Inside allOf, anyOf, oneOf and not only value checks may stand: what shapes the object is outside. */
const shaping = ["type", "description", "default", "nullable", "additionalProperties", "title"];

/** Whether a CRD's schema is structural (apiextensions `schema/validation.go`), and what is wrong where it is not. */
export function structuralErrors(schema: unknown, path: string, isRoot = true): FieldError[] {
  if (!isRecord(schema)) return [invalid(path, schema, "must be a schema")];
  const known = schema as Schema;
  return [
    ...keywordErrors(schema, path),
    ...typeErrors(known, path, isRoot),
    ...(isRoot ? rootErrors(known, path) : []),
    ...objectErrors(known, path),
    ...listErrors(known, path),
    ...defaultErrors(known, path),
    ...(["allOf", "anyOf", "oneOf"] as const).flatMap((key) =>
      records(schema[key]).flatMap((each, index) => valueErrors(each, `${path}.${key}[${index}]`))
    ),
    ...(isRecord(schema.not) ? valueErrors(schema.not, `${path}.not`) : []),
    ...Object.entries(known.properties ?? {}).flatMap(([name, each]) =>
      // metadata of an object is checked by itself; a schema may only bound its name.
      isRoot && name === "metadata"
        ? metadataErrors(each, path)
        : structuralErrors(each, `${path}.properties[${name}]`, false)
    ),
    ...(known.items === undefined ? [] : structuralErrors(known.items, `${path}.items`, false)),
    ...(isRecord(known.additionalProperties)
      ? structuralErrors(known.additionalProperties, `${path}.additionalProperties`, false)
      : []),
  ];
}

function keywordErrors(schema: Record<string, unknown>, path: string): FieldError[] {
  return Object.keys(schema).flatMap((key) => {
    const why = refused[key];
    if (why !== undefined) return [forbidden(`${path}.${key}`, why)];
    return keywords.has(key) ? [] : [forbidden(`${path}.${key}`, "unknown field of a schema")];
  });
}

function typeErrors(schema: Schema, path: string, isRoot: boolean): FieldError[] {
  const { type } = schema;
  const untyped = schema["x-kubernetes-int-or-string"] === true ||
    (schema["x-kubernetes-preserve-unknown-fields"] === true && !isRoot);
  if (type === undefined || type as string === "") {
    return untyped ? [] : [
      required(
        `${path}.type`,
        isRoot ? "must not be empty at the root" : "must not be empty for specified object fields",
      ),
    ];
  }
  if (!types.includes(type)) return [notSupported(`${path}.type`, type, types)];
  if (schema["x-kubernetes-int-or-string"] === true) {
    return [invalid(`${path}.type`, type, "must be empty if x-kubernetes-int-or-string is true")];
  }
  return [];
}

function rootErrors({ type, nullable }: Schema, path: string): FieldError[] {
  return [
    ...(type !== undefined && type !== "object" ? [invalid(`${path}.type`, type, "must be object at the root")] : []),
    ...(nullable === true ? [forbidden(`${path}.nullable`, "nullable cannot be true at the root")] : []),
  ];
}

function metadataErrors(metadata: Schema, path: string): FieldError[] {
  const { type: _type, description: _description, properties = {}, ...rest } = metadata;
  const allowed = ["name", "generateName"];
  const others = [...Object.keys(rest), ...Object.keys(properties).filter((each) => !allowed.includes(each))];
  return others.length === 0 ? [] : [forbidden(
    `${path}.properties[metadata]`,
    "must not specify anything other than name and generateName, but metadata is implicitly specified",
  )];
}

function objectErrors(schema: Schema, path: string): FieldError[] {
  const { properties, additionalProperties, type } = schema;
  const errors: FieldError[] = [];
  if (properties && additionalProperties !== undefined) {
    errors.push(forbidden(`${path}.additionalProperties`, "additionalProperties and properties are mutual exclusive"));
  }
  if (additionalProperties === false) {
    errors.push(forbidden(`${path}.additionalProperties`, "additionalProperties cannot be set to false"));
  }
  if (properties && type !== undefined && type !== "object") {
    errors.push(invalid(`${path}.type`, type, "must be object if properties is specified"));
  }
  if (schema["x-kubernetes-embedded-resource"] === true && type !== "object") {
    errors.push(invalid(`${path}.type`, type ?? "", "must be object if x-kubernetes-embedded-resource is true"));
  }
  const mapType = schema["x-kubernetes-map-type"];
  if (mapType !== undefined && !["atomic", "granular"].includes(mapType)) {
    errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ["atomic", "granular"]));
  }
  return errors;
}

function listErrors(schema: Schema, path: string): FieldError[] {
  const { type, items, uniqueItems } = schema;
  const listType = schema["x-kubernetes-list-type"], keys = schema["x-kubernetes-list-map-keys"];
  const errors: FieldError[] = [];
  if (type === "array" && items === undefined) errors.push(required(`${path}.items`, "must be specified"));
  if (uniqueItems === true) {
    const why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
    errors.push(forbidden(`${path}.uniqueItems`, why));
  }
  if (listType === undefined) {
    if (keys) {
      errors.push(
        forbidden(`${path}.x-kubernetes-list-map-keys`, "must be empty if x-kubernetes-list-type is not map"),
      );
    }
    return errors;
  }
  if (!["atomic", "set", "map"].includes(listType)) {
    errors.push(notSupported(`${path}.x-kubernetes-list-type`, listType, ["atomic", "set", "map"]));
  }
  if (type !== "array") {
    errors.push(invalid(`${path}.type`, type ?? "", "must be array if x-kubernetes-list-type is specified"));
  }
  if (listType === "map") errors.push(...mapKeyErrors(schema, path));
  return errors;
}

function mapKeyErrors({ items, "x-kubernetes-list-map-keys": keys = [] }: Schema, path: string): FieldError[] {
  if (keys.length === 0) {
    return [required(`${path}.x-kubernetes-list-map-keys`, "must not be empty if x-kubernetes-list-type is map")];
  }
  return keys.flatMap((key, index) => {
    const property = items?.properties?.[key];
    const at = `${path}.x-kubernetes-list-map-keys[${index}]`;
    if (!property) return [invalid(at, key, "entries must all be names of item properties")];
    if (property.type === "object" || property.type === "array") {
      return [
        invalid(
          `${path}.items.properties[${key}].type`,
          property.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      ];
    }
    if (items?.required?.includes(key) || property.default !== undefined) return [];
    return [
      required(
        `${path}.items.properties[${key}].default`,
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
      ),
    ];
  });
}

function defaultErrors(schema: Schema, path: string): FieldError[] {
  return schema.default === undefined ? [] : schemaErrors(schema, schema.default, `${path}.default`);
}

function valueErrors(schema: Record<string, unknown>, path: string): FieldError[] {
  const intOrString = schema.type === "integer" || schema.type === "string";
  const errors = shaping.filter((key) => key in schema && !(key === "type" && intOrString)).map((key) =>
    forbidden(`${path}.${key}`, "must be empty to be structural")
  );
  const nested = [
    ...Object.entries(isRecord(schema.properties) ? schema.properties : {}),
    ...(isRecord(schema.items) ? [["items", schema.items] as const] : []),
  ];
  return [
    ...errors,
    ...nested.flatMap(([name, each]) => isRecord(each) ? valueErrors(each, `${path}.properties[${name}]`) : []),
  ];
}
