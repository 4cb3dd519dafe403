// pure
import { isRawNumber } from "../../contracts/json.ts";

/** A deep copy of a JSON value. `structuredClone` would turn numbers that are kept as text into plain objects. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== "object" || value === null || isRawNumber(value)) return value;
  if (Array.isArray(value)) return value.map(cloneJson) as T;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cloneJson(each)])) as T;
}

/** Deep equality of JSON values; the order of keys does not count, numbers compare by their text. */
export function equalJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (isRawNumber(left) || isRawNumber(right)) {
    return isRawNumber(left) && isRawNumber(right) && left.rawJSON === right.rawJSON;
  }
  if (Array.isArray(left) || Array.isArray(right)) {
    return Array.isArray(left) && Array.isArray(right) && left.length === right.length &&
      left.every((each, index) => equalJson(each, right[index]));
  }
  const leftEntries = Object.entries(left);
  return leftEntries.length === Object.keys(right).length &&
    leftEntries.every(([key, each]) =>
      Object.hasOwn(right, key) && equalJson(each, (right as Record<string, unknown>)[key])
    );
}
