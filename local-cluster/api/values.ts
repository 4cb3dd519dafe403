// pure
import { isRecord } from "../schema/schema.ts";

export type JsonObject = Record<string, unknown>;

/** Freezes all the way down, so that no reader can change what is stored. */
export function freezeDeep<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) freezeDeep(each);
  }
  return value;
}

/** Removes nulls of objects, in place: the typed decoding of built-in kinds reads a null field as an absent one. */
export function dropNulls(value: unknown): void {
  if (Array.isArray(value)) return value.forEach(dropNulls);
  if (!isRecord(value)) return;
  for (const key of Object.keys(value)) {
    if (value[key] === null || value[key] === undefined) delete value[key];
    else dropNulls(value[key]);
  }
}

/** The object under a key, made if it is not there. */
export function objectAt(parent: JsonObject, key: string): JsonObject {
  const existing = parent[key];
  if (isRecord(existing)) return existing;
  const made: JsonObject = {};
  parent[key] = made;
  return made;
}

/** The value at a path of keys, undefined where any step is missing. */
export function valueAt(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((at, key) => isRecord(at) && Object.hasOwn(at, key) ? at[key] : undefined, value);
}
