// pure
import { stringifyJson } from "../../../contracts/json.ts";
import { isRecord, type Schema } from "../../schema/schema.ts";
import { pathElement } from "./field-set.ts";

/** How a value is taken apart for merging: by fields, by keyed items, or not at all. */
export type Structure =
  | { readonly kind: "atomic" }
  | { readonly kind: "map"; readonly entries: ReadonlyMap<string, Entry> }
  | { readonly kind: "list"; readonly entries: ReadonlyMap<string, Entry> };

/** One part, under its FieldsV1 key; `declared` says the schema names this field. */
export type Entry = { readonly value: unknown; readonly schema: Schema | undefined; readonly declared: boolean };

/**
 * Takes a value apart as its schema says (x-kubernetes-list-type, -map-keys, -map-type). Without a schema maps are taken
 * apart and lists are atomic, as structured-merge-diff treats deduced types.
 */
export function structureOf(value: unknown, schema: Schema | undefined): Structure {
  if (isRecord(value)) {
    if (schema?.["x-kubernetes-map-type"] === "atomic") return { kind: "atomic" };
    const entries = Object.entries(value).filter(([, each]) => each !== undefined).map(([key, each]) => {
      const declared = schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
      return [`f:${key}`, { value: each, schema: fieldSchema(schema, key), declared }] as const;
    });
    return { kind: "map", entries: new Map(entries) };
  }
  const listType = schema?.["x-kubernetes-list-type"] ?? "atomic";
  if (!Array.isArray(value) || listType === "atomic") return { kind: "atomic" };
  const entries = new Map<string, Entry>();
  for (const item of value) {
    const key = entryKey(item, schema);
    // A repeated key on the stored side is served as it is; in an applied list `structureProblem` finds it.
    if (!entries.has(key)) entries.set(key, { value: item, schema: schema?.items, declared: true });
  }
  return { kind: "list", entries };
}

/**
 * What makes a value no typed one, or undefined: a keyed list with an item that lacks a key, or with a key or a set's
 * value given twice. Nobody could say which item a manager means.
 */
export function structureProblem(value: unknown, schema: Schema | undefined, path = ""): string | undefined {
  const structure = structureOf(value, schema);
  if (structure.kind === "atomic") return undefined;
  if (structure.kind === "list" && Array.isArray(value)) {
    const keys = schema?.["x-kubernetes-list-map-keys"] ?? [];
    for (const key of structure.entries.keys()) {
      const missing = key.startsWith("k:") && keys.find((name) => !(name in JSON.parse(key.slice(2))));
      if (missing) return `${path}: associative list with keys has an element that omits key field "${missing}"`;
    }
    const twice = value.map((item) => entryKey(item, schema)).find((key, index, all) => all.indexOf(key) < index);
    if (twice !== undefined) return `${path}: duplicate entries for key ${pathElement(twice)}`;
  }
  for (const [key, entry] of structure.entries) {
    const problem = structureProblem(entry.value, entry.schema, path + pathElement(key));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function fieldSchema(schema: Schema | undefined, key: string): Schema | undefined {
  const { properties, additionalProperties } = schema ?? {};
  if (properties && Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

function entryKey(item: unknown, schema: Schema | undefined): string {
  return schema?.["x-kubernetes-list-type"] === "set" ? `v:${stringifyJson(item)}` : itemKey(item, schema);
}

function itemKey(item: unknown, schema: Schema | undefined): string {
  const names = schema?.["x-kubernetes-list-map-keys"] ?? [];
  const values = names.map((name): [string, unknown] => {
    const given = isRecord(item) ? item[name] : undefined;
    return [name, given ?? schema?.items?.properties?.[name]?.default];
  });
  return `k:${stringifyJson(Object.fromEntries(values.filter(([, value]) => value !== undefined).sort()))}`;
}
