import { createPatch, type Operation, type Pointer } from "rfc6902";
import { isRawNumber, stringifyJson } from "../../../contracts/json.ts";
import { sameNumber } from "./same-number.ts";

/** Bounds the comparison: a hostile answer must not keep a worker busy after the guest's own time is over. */
const maxVisits = 1_000_000;

/**
 * The JSON Patch that turns `original` into `mutated`, as JSON text, or undefined if they are equal. Numbers are compared
 * by value and written as the guest wrote them. Throws `RangeError` on documents too deep or too different to compare.
 */
export function jsonPatchText(original: unknown, mutated: unknown): string | undefined {
  let visits = 0;
  const operations = createPatch(original, mutated, diff);
  return operations.length === 0 ? undefined : stringifyJson(operations);

  /** What the library gets wrong for us: numbers kept as text, and arrays (its own search is quadratic and recursive). */
  function diff(before: unknown, after: unknown, pointer: Pointer): Operation[] | undefined {
    if (same(before, after)) return [];
    if (isNumber(before) || isNumber(after)) return [{ op: "replace", path: pointer.toString(), value: after }];
    return Array.isArray(before) && Array.isArray(after) ? diffArray(before, after, pointer) : undefined;
  }

  /** Most of an object is as it was: finding that out costs a tenth of asking the library for no operations. */
  function same(before: unknown, after: unknown): boolean {
    if (++visits > maxVisits) throw new RangeError("the mutated object cannot be compared with the original");
    if (before === after) return true;
    if (isNumber(before) || isNumber(after)) {
      return isNumber(before) && isNumber(after) && sameNumber(textOf(before), textOf(after));
    }
    if (typeof before !== "object" || typeof after !== "object" || before === null || after === null) return false;
    if (Array.isArray(before) !== Array.isArray(after)) return false;
    const keys = Object.keys(before);
    return keys.length === Object.keys(after).length &&
      keys.every((key) =>
        Object.hasOwn(after, key) &&
        same((before as Record<string, unknown>)[key], (after as Record<string, unknown>)[key])
      );
  }

  function diffArray(before: unknown[], after: unknown[], pointer: Pointer): Operation[] {
    const at = (index: number | string) => pointer.add(String(index));
    const equal = (left: number, right: number) => same(before[left], after[right]);
    const shorter = Math.min(before.length, after.length);
    let head = 0, tail = 0;
    // Elements added or removed in one place are the usual case; equal lengths need no search.
    if (before.length !== after.length) {
      while (head < shorter && equal(head, head)) head++;
      while (tail < shorter - head && equal(before.length - 1 - tail, after.length - 1 - tail)) tail++;
    }
    const operations: Operation[] = [];
    const changedTo = shorter - tail;
    for (let index = head; index < changedTo; index++) {
      for (const operation of createPatch(before[index], after[index], diff)) {
        operations.push({ ...operation, path: at(index).toString() + operation.path });
      }
    }
    for (let index = before.length - tail - 1; index >= changedTo; index--) {
      operations.push({ op: "remove", path: at(index).toString() });
    }
    for (let index = changedTo; index < after.length - tail; index++) {
      operations.push({ op: "add", path: at(index).toString(), value: after[index] });
    }
    return operations;
  }
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || isRawNumber(value);
}

function textOf(value: unknown): string {
  return isRawNumber(value) ? value.rawJSON : String(value);
}
