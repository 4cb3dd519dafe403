// pure
import { cloneJson } from "../../schema/clone.ts";
import type { Schema } from "../../schema/schema.ts";
import { type FieldSet, isEmpty, noFields } from "./field-set.ts";
import { type Structure, structureOf } from "./structure.ts";

/** Merges an applied value into a live one: maps and keyed lists part by part, everything else replaced. */
export function mergeValues(live: unknown, applied: unknown, schema: Schema | undefined): unknown {
  if (applied === undefined) return cloneJson(live);
  const left = structureOf(live, schema), right = structureOf(applied, schema);
  if (left.kind === "atomic" || right.kind === "atomic" || left.kind !== right.kind) return cloneJson(applied);
  const keys = left.kind === "map"
    ? [...new Set([...left.entries.keys(), ...right.entries.keys()])]
    : mergedOrder([...left.entries.keys()], [...right.entries.keys()]);
  return assemble(left, keys, (key) => {
    const was = left.entries.get(key), is = right.entries.get(key);
    return mergeValues(was?.value, is?.value, (is ?? was)?.schema);
  });
}

/**
 * Removes what a manager owned before and nobody wants now: `last` minus `kept`, each with everything inside it. A map or
 * list that was emptied this way goes too.
 */
export function pruneFields(value: unknown, last: FieldSet, kept: FieldSet, schema: Schema | undefined): unknown {
  const structure = structureOf(value, schema);
  if (structure.kind === "atomic") return value;
  const results = new Map<string, unknown>();
  let removedAny = false;
  for (const [key, entry] of structure.entries) {
    const lastChild = last.children.get(key), keptChild = kept.children.get(key) ?? noFields;
    if (lastChild === undefined) results.set(key, entry.value);
    else if (isEmpty(keptChild)) removedAny = true;
    else {
      const pruned = pruneFields(entry.value, lastChild, keptChild, entry.schema);
      if (pruned === undefined) removedAny = true;
      else results.set(key, pruned);
    }
  }
  if (removedAny && results.size === 0 && !kept.member) return undefined;
  return assemble(structure, [...results.keys()], (key) => results.get(key));
}

/** The applier's order; live items it does not name stay behind the item they followed. */
function mergedOrder(live: string[], applied: string[]): string[] {
  const inApplied = new Set(applied), inLive = new Set(live);
  const order: string[] = [];
  let at = 0;
  const takeLiveOnly = () => {
    for (; at < live.length && !inApplied.has(live[at] ?? ""); at++) order.push(live[at] ?? "");
  };
  for (const key of applied) {
    takeLiveOnly();
    order.push(key);
    if (inLive.has(key) && live[at] === key) at++;
  }
  for (; at < live.length; at++) if (!inApplied.has(live[at] ?? "")) order.push(live[at] ?? "");
  return order;
}

function assemble(
  structure: Exclude<Structure, { kind: "atomic" }>,
  keys: string[],
  valueOf: (key: string) => unknown,
) {
  if (structure.kind === "list") return keys.map(valueOf);
  return Object.fromEntries(keys.map((key) => [key.slice(2), valueOf(key)]));
}
