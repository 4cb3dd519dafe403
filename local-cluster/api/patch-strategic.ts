// pure
import { cloneJson, equalJson } from "../schema/clone.ts";
import { isRecord, type Schema } from "../schema/schema.ts";
import { badRequest } from "./failures.ts";

/**
 * Strategic merge patch: a merge patch where lists merge by the schema's patch strategy and merge key, with the
 * directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/x` and `$setElementOrder/x`.
 * Source: k8s.io/apimachinery `strategicpatch`.
 */
export function strategicMerge(live: unknown, patch: unknown, schema: Schema | undefined): unknown {
  if (!isRecord(patch)) return cloneJson(patch);
  const directive = patch.$patch;
  if (directive === "delete") return {};
  if (directive === "replace") return withoutDirectives(patch);
  if (directive !== undefined && directive !== "merge") throw badRequest(`unknown $patch type [${directive}]`);
  const merged: Record<string, unknown> = isRecord(live) ? { ...cloneJson(live) } : {};
  if (Array.isArray(patch.$retainKeys)) {
    const kept = patch.$retainKeys;
    for (const key of Object.keys(merged)) if (!kept.includes(key)) delete merged[key];
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$deleteFromPrimitiveList/")) {
      const field = key.slice(key.indexOf("/") + 1);
      merged[field] = asList(merged[field]).filter((each) => !asList(value).some((gone) => equalJson(each, gone)));
    }
    if (key.startsWith("$")) continue;
    const inside = fieldSchema(schema, key);
    if (value === null) delete merged[key];
    else if (Array.isArray(value)) merged[key] = mergeList(merged[key], value, inside);
    else merged[key] = strategicMerge(merged[key], value, inside);
  }
  for (const [key, order] of Object.entries(patch)) {
    const field = /^\$setElementOrder\/(.*)$/.exec(key)?.[1];
    if (field !== undefined && merged[field] !== undefined) {
      merged[field] = inOrder(asList(merged[field]), asList(order), mergeKeyOf(fieldSchema(schema, field)));
    }
  }
  return merged;
}

function mergeList(live: unknown, patch: unknown[], schema: Schema | undefined): unknown {
  const strategies = (schema?.["x-kubernetes-patch-strategy"] ?? "").split(",");
  const replaces = patch.some((each) => isRecord(each) && each.$patch === "replace");
  const items = patch.filter((each) => !(isRecord(each) && each.$patch === "replace"));
  if (!strategies.includes("merge") || replaces) return items.map(withoutDirectives);
  const mergeKey = mergeKeyOf(schema);
  if (mergeKey === undefined) {
    const added = items.filter((each) => !asList(live).some((there) => equalJson(there, each)));
    return [...asList(cloneJson(live)), ...cloneJson(added)];
  }
  const merged = asList(cloneJson(live));
  for (const item of items) {
    if (!isRecord(item) || item[mergeKey] === undefined) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    }
    const at = merged.findIndex((each) => isRecord(each) && equalJson(each[mergeKey], item[mergeKey]));
    if (item.$patch === "delete") {
      if (at >= 0) merged.splice(at, 1);
    } else if (at < 0) merged.push(strategicMerge({}, item, schema?.items));
    else merged[at] = strategicMerge(merged[at], item, schema?.items);
  }
  return merged;
}

/** The listed items first to last; items the order does not name keep their place behind their predecessor. */
function inOrder(items: unknown[], order: unknown[], mergeKey: string | undefined): unknown[] {
  const keyOf = (each: unknown) => mergeKey !== undefined && isRecord(each) ? each[mergeKey] : each;
  const rank = (each: unknown) => order.findIndex((wanted) => equalJson(keyOf(wanted), keyOf(each)));
  let last = -1;
  const ranked = items.map((item, index) => {
    const own = rank(item);
    if (own >= 0) last = own;
    return { item, index, rank: own >= 0 ? own : last, named: own >= 0 };
  });
  return ranked.sort((left, right) =>
    left.rank - right.rank || Number(right.named) - Number(left.named) || left.index - right.index
  ).map(({ item }) => item);
}

function mergeKeyOf(schema: Schema | undefined): string | undefined {
  return schema?.["x-kubernetes-patch-merge-key"];
}

function fieldSchema(schema: Schema | undefined, key: string): Schema | undefined {
  const { properties, additionalProperties } = schema ?? {};
  if (properties && Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives);
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !key.startsWith("$"));
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutDirectives(each)]));
}
