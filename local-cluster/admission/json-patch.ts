import { applyPatch, type Operation } from "rfc6902";
import { isRawNumber, type RawNumber } from "../../contracts/json.ts";
import { isRecord } from "../schema/schema.ts";

/** Applies a JSON Patch (RFC 6902) to a copy of a document. A text says which operation failed, and why. */
export function applyJsonPatch(document: unknown, patch: unknown): { value: unknown } | string {
  if (!Array.isArray(patch) || !patch.every(isRecord)) return "a JSON Patch is a list of operations";
  // The library copies values property by property, which would break numbers that are kept as text.
  const wrapped = { root: wrapNumbers(document) };
  const operations = patch.map((each) => ({
    ...each,
    path: `/root${each.path ?? ""}`,
    ...("from" in each ? { from: `/root${each.from}` } : {}),
    ...("value" in each ? { value: wrapNumbers(each.value) } : {}),
  }));
  const failed = applyPatch(wrapped, operations as unknown as Operation[]).findIndex((result) => result !== null);
  if (failed >= 0) {
    const { op, path } = patch[failed] as Record<string, unknown>;
    return `operation ${failed} (${op} ${path}) does not apply`;
  }
  return { value: unwrapNumbers(wrapped.root) };
}

const numberKey = "\u0000number";

function wrapNumbers(value: unknown): unknown {
  if (isRawNumber(value)) return { [numberKey]: value.rawJSON };
  if (Array.isArray(value)) return value.map(wrapNumbers);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, wrapNumbers(each)]));
}

function unwrapNumbers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapNumbers);
  if (!isRecord(value)) return value;
  if (typeof value[numberKey] === "string") return rawJson(value[numberKey]);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unwrapNumbers(each)]));
}

function rawJson(text: string): RawNumber {
  return (JSON as unknown as { rawJSON(text: string): RawNumber }).rawJSON(text);
}
