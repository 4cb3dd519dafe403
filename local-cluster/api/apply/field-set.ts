// pure
import { isRecord } from "../../schema/schema.ts";

/**
 * Fields of an object that a manager owns, as a tree: the keys are those of FieldsV1 (`f:name`, `k:{"name":"x"}`,
 * `v:"x"`), a member is a field that is in the set itself. Source: structured-merge-diff `fieldpath.Set`.
 */
export type FieldSet = { readonly member: boolean; readonly children: ReadonlyMap<string, FieldSet> };

export const noFields: FieldSet = { member: false, children: new Map() };

export function fieldSet(member: boolean, children: Iterable<[string, FieldSet]> = []): FieldSet {
  return { member, children: new Map([...children].filter(([, child]) => !isEmpty(child))) };
}

export function isEmpty(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

export function union(left: FieldSet, right: FieldSet): FieldSet {
  const keys = new Set([...left.children.keys(), ...right.children.keys()]);
  return fieldSet(
    left.member || right.member,
    [...keys].map((key) => [key, union(left.children.get(key) ?? noFields, right.children.get(key) ?? noFields)]),
  );
}

export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  return fieldSet(
    left.member && right.member,
    [...left.children].map(([key, child]) => [key, intersection(child, right.children.get(key) ?? noFields)]),
  );
}

export function difference(left: FieldSet, right: FieldSet): FieldSet {
  return fieldSet(
    left.member && !right.member,
    [...left.children].map(([key, child]) => [key, difference(child, right.children.get(key) ?? noFields)]),
  );
}

export function equalSets(left: FieldSet, right: FieldSet): boolean {
  return isEmpty(difference(left, right)) && isEmpty(difference(right, left));
}

/** The paths of all members, as messages write them: `.spec.containers[name="x"].image`. */
export function membersOf(set: FieldSet, path = ""): string[] {
  return [
    ...(set.member && path !== "" ? [path] : []),
    ...[...set.children].flatMap(([key, child]) => membersOf(child, path + pathElement(key))),
  ];
}

/** metav1.FieldsV1. */
export function toFieldsV1(set: FieldSet): Record<string, unknown> {
  return Object.fromEntries(
    [...set.children].sort(([left], [right]) => left < right ? -1 : 1).map(([key, child]) => [
      key,
      child.member && child.children.size > 0 ? { ".": {}, ...toFieldsV1(child) } : toFieldsV1(child),
    ]),
  );
}

export function fromFieldsV1(fields: unknown): FieldSet {
  if (!isRecord(fields)) return noFields;
  const children = Object.entries(fields).filter(([key]) => key !== ".").map(([key, value]): [string, FieldSet] => {
    const child = fromFieldsV1(value);
    const member = isRecord(value) && ("." in value || Object.keys(value).length === 0);
    return [key, { member, children: child.children }];
  });
  return fieldSet(false, children);
}

/** One FieldsV1 key as messages write it: `.spec`, `[name="x"]`, `[="v"]`. */
export function pathElement(key: string): string {
  if (key.startsWith("f:")) return `.${key.slice(2)}`;
  if (key.startsWith("v:")) return `[=${key.slice(2)}]`;
  const keys = JSON.parse(key.slice(2)) as Record<string, unknown>;
  return `[${Object.entries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",")}]`;
}
