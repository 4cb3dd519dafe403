// pure
import { isRecord, type Schema } from "./schema.ts";

/**
 * A schema as CEL sees it: its type, and how large its values can get, since rule costs are estimated from that
 * (k8s.io/apiserver `pkg/cel/common/schemas.go`).
 */
export type CelType = {
  readonly kind:
    | "object"
    | "map"
    | "list"
    | "string"
    | "bytes"
    | "int"
    | "double"
    | "bool"
    | "timestamp"
    | "duration"
    | "dyn";
  /** Fields of an object under their escaped names. */
  readonly fields?: ReadonlyMap<string, CelType>;
  readonly key?: CelType;
  readonly element?: CelType;
  /** Longest string, list or map, in bytes or entries; 0 where nobody counts. */
  readonly maxElements: number;
  /** Bytes of the smallest value as JSON. */
  readonly minSize: number;
};

const maxRequestBytes = 3 * 1024 * 1024;
const maxStringBytes = maxRequestBytes - 2;

/** Keys of maps count as having no size, as upstream does. */
const mapKey: CelType = { kind: "string", maxElements: 0, minSize: 2 };

/** The type of a schema, or undefined where CEL cannot see into it. A root also has apiVersion, kind and metadata. */
export function celTypeOf(schema: Schema, isRoot = false): CelType | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) {
    return {
      kind: "dyn",
      maxElements: schema.maxLength === undefined ? maxStringBytes : schema.maxLength * 4,
      minSize: 1,
    };
  }
  switch (schema.type) {
    case "array":
      return listType(schema);
    case "object":
      return isRecord(schema.additionalProperties)
        ? mapType(schema, schema.additionalProperties)
        : objectType(schema, isRoot);
    case "string":
      return stringType(schema);
    case "boolean":
      return { kind: "bool", maxElements: 0, minSize: 4 };
    case "number":
      return { kind: "double", maxElements: 0, minSize: 1 };
    case "integer":
      return { kind: "int", maxElements: 0, minSize: 1 };
    default:
      return undefined;
  }
}

/** How often a value of a type fits into the largest request: the cardinality of a rule inside an unbounded list. */
export function maxCardinality({ minSize }: CelType): number {
  return Math.floor(maxRequestBytes / (minSize + 1));
}

function listType({ items, maxItems }: Schema): CelType | undefined {
  const element = items && celTypeOf(items, items["x-kubernetes-embedded-resource"]);
  if (!element) return undefined;
  return {
    kind: "list",
    element,
    maxElements: maxItems ?? Math.floor(maxStringBytes / (element.minSize + 1)),
    minSize: 2,
  };
}

function mapType({ maxProperties }: Schema, values: Schema): CelType | undefined {
  const element = celTypeOf(values, values["x-kubernetes-embedded-resource"]);
  if (!element) return undefined;
  const maxElements = maxProperties ?? Math.floor(maxStringBytes / (element.minSize + 6));
  return { kind: "map", key: mapKey, element, maxElements, minSize: 2 };
}

const metadata: Schema = {
  type: "object",
  properties: { name: { type: "string" }, generateName: { type: "string" } },
};

function objectType(schema: Schema, isRoot: boolean): CelType {
  const properties = isRoot
    ? { ...schema.properties, apiVersion: { type: "string" }, kind: { type: "string" }, metadata } as const
    : schema.properties ?? {};
  const fields = new Map<string, CelType>();
  let minSize = 2;
  for (const [name, property] of Object.entries<Schema>(properties)) {
    const type = celTypeOf(property, property["x-kubernetes-embedded-resource"]);
    if (!type) continue;
    const escaped = escapeFieldName(name);
    if (escaped !== undefined) fields.set(escaped, type);
    if (schema.required?.includes(name) && property.default === undefined) minSize += name.length + type.minSize + 4;
  }
  return { kind: "object", fields, maxElements: 0, minSize };
}

function stringType({ format, maxLength, enum: words }: Schema): CelType {
  switch (format) {
    case "byte":
      return { kind: "bytes", maxElements: maxLength ?? maxStringBytes, minSize: 2 };
    case "duration":
      return { kind: "duration", maxElements: 32, minSize: 3 };
    case "date":
      return { kind: "timestamp", maxElements: 12, minSize: 12 };
    case "date-time":
      return { kind: "timestamp", maxElements: 32, minSize: 21 };
  }
  const longest = (words ?? []).filter((each) => typeof each === "string").map((each) => each.length);
  const maxElements = maxLength !== undefined
    ? maxLength * 4
    : longest.length > 0
    ? Math.max(...longest)
    : maxStringBytes;
  return { kind: "string", maxElements, minSize: 2 };
}

const reserved = new Set(
  ("true false null in as break const continue else for function if import let loop package namespace return var void " +
    "while").split(" "),
);

/** A property name as CEL writes it (`__namespace__`, `a__dash__b`); undefined where it cannot be written. */
export function escapeFieldName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_.\-\/$][\w.\-\/$]*$/.test(name)) return undefined;
  return name.replace(/__|[.\-\/$]/g, (each) => escapes[each] ?? each);
}

const escapes: Readonly<Record<string, string>> = {
  "__": "__underscores__",
  ".": "__dot__",
  "-": "__dash__",
  "/": "__slash__",
  "$": "__dollar__",
};
