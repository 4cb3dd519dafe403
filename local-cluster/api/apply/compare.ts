// pure
import { equalJson } from "../../schema/clone.ts";
import { isRecord, type Schema } from "../../schema/schema.ts";
import { type FieldSet, fieldSet, noFields, union } from "./field-set.ts";
import { structureOf } from "./structure.ts";

export type Comparison = { readonly changed: FieldSet; readonly removed: FieldSet };

/** The fields of a value, as an applier owns them: leaves, keyed items, and fields the schema does not declare. */
export function fieldsOf(value: unknown, schema: Schema | undefined): FieldSet {
  const structure = structureOf(value, schema);
  if (structure.kind === "atomic") return fieldSet(true);
  return fieldSet(
    false,
    [...structure.entries].map(([key, entry]) => {
      const inside = fieldsOf(entry.value, entry.schema);
      const empty = entry.value === null || (isRecord(entry.value) && Object.keys(entry.value).length === 0);
      const member = inside.member || empty || structure.kind === "list" || !entry.declared;
      return [key, { member, children: inside.children }];
    }),
  );
}

/** What differs: added or modified fields, and fields that are gone. A field that comes or goes does so with all in it. */
export function compareFields(before: unknown, after: unknown, schema: Schema | undefined): Comparison {
  if (before === undefined && after === undefined) return { changed: noFields, removed: noFields };
  if (before === undefined) return { changed: everyField(after, schema), removed: noFields };
  if (after === undefined) return { changed: noFields, removed: everyField(before, schema) };
  const left = structureOf(before, schema), right = structureOf(after, schema);
  if (left.kind === "atomic" || right.kind === "atomic" || left.kind !== right.kind) {
    return { changed: equalJson(before, after) ? noFields : fieldSet(true), removed: noFields };
  }
  const keys = [...new Set([...left.entries.keys(), ...right.entries.keys()])];
  const parts = keys.map((key): [string, Comparison] => {
    const was = left.entries.get(key), is = right.entries.get(key);
    return [key, compareFields(was?.value, is?.value, (is ?? was)?.schema)];
  });
  return {
    changed: fieldSet(false, parts.map(([key, { changed }]) => [key, changed])),
    removed: fieldSet(false, parts.map(([key, { removed }]) => [key, removed])),
  };
}

function everyField(value: unknown, schema: Schema | undefined): FieldSet {
  const structure = structureOf(value, schema);
  if (structure.kind === "atomic") return fieldSet(true);
  const children = [...structure.entries].map(([key, entry]): [string, FieldSet] => [
    key,
    everyField(entry.value, entry.schema),
  ]);
  return union(fieldSet(true), fieldSet(false, children));
}
