// pure
import { stringifyJson } from "../../../contracts/json.ts";
import { isRecord, type Schema } from "../../schema/schema.ts";
import { badRequest } from "../failures.ts";

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
    const key = listType === "set" ? `v:${stringifyJson(item)}` : itemKey(item, schema);
    // A repeated key on the stored side is served as it is; of an applied list it is refused by `checkKeys`.
    if (!entries.has(key)) entries.set(key, { value: item, schema: schema?.items, declared: true });
  }
  return { kind: "list", entries };
}

/** Refuses keyed lists that name a key twice: nobody could say which item a manager means. */
export function checkKeys(value: unknown, schema: Schema | undefined, path = ""): void {
  const structure = structureOf(value, schema);
  if (structure.kind === "atomic") return;
  if (structure.kind === "list" && Array.isArray(value) && structure.entries.size !== value.length) {
    throw badRequest(`failed to create typed patch object: ${path}: duplicate entries for a key of the list`);
  }
  for (const [key, entry] of structure.entries) checkKeys(entry.value, entry.schema, `${path}.${key.slice(2)}`);
}

function fieldSchema(schema: Schema | undefined, key: string): Schema | undefined {
  const { properties, additionalProperties } = schema ?? {};
  if (properties && Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

function itemKey(item: unknown, schema: Schema | undefined): string {
  const names = schema?.["x-kubernetes-list-map-keys"] ?? [];
  const values = names.map((name): [string, unknown] => {
    const given = isRecord(item) ? item[name] : undefined;
    return [name, given ?? schema?.items?.properties?.[name]?.default];
  });
  return `k:${stringifyJson(Object.fromEntries(values.filter(([, value]) => value !== undefined).sort()))}`;
}
