// pure
import { isRecord } from "../schema.ts";

type Fields = Record<string, unknown>;

/** The object at a path of field names, or undefined where anything on the way is missing or no object. */
export function recordAt(value: unknown, ...path: string[]): Fields | undefined {
  let at = value;
  for (const key of path) at = isRecord(at) ? at[key] : undefined;
  return isRecord(at) ? at : undefined;
}

/** The objects of a list; anything else counts as an empty list. */
export function records(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The strings of a list. */
export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** The entries of a map of strings. */
export function stringEntries(value: unknown): [string, string][] {
  return isRecord(value)
    ? Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string")
    : [];
}
