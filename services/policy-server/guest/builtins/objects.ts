import { applyPatch, type Operation } from "rfc6902";
import { isRawNumber, parseJson, stringifyJson } from "../../../../contracts/json.ts";
import { operandError } from "./operands.ts";
import { compareRego, isList, RegoSet, type RegoValue } from "./rego-value.ts";

/** `json.patch` (RFC 6902). Throws an error for an operation that is none or cannot be carried out. */
export function patched(value: RegoValue, operations: readonly RegoValue[]): unknown {
  // Both are changed on the way, and sets become lists.
  const target: unknown = parseJson(stringifyJson(value));
  const list = operations.map((each, index): Operation => {
    const operation = parseJson(stringifyJson(each)) as Record<string, unknown> | null;
    if (typeof operation !== "object" || operation === null) throw operandError(2, "array of objects", each);
    const { op, path, from } = operation;
    if (typeof op !== "string") throw new Error(`patch ${index}: missing "op"`);
    const pointer = pointerOf(path);
    if (pointer === undefined) throw new Error(`patch ${index}: missing "path"`);
    return { ...operation, op, path: pointer, ...(from === undefined ? {} : { from: pointerOf(from) }) } as Operation;
  });
  const holder = { whole: target };
  const below = list.map((each) => ({
    ...each,
    path: `/whole${each.path}`,
    ...("from" in each ? { from: `/whole${each.from}` } : {}),
  }));
  for (const [index, failure] of applyPatch(holder, below as Operation[]).entries()) {
    if (failure !== null) throw new Error(`patch ${index}: ${failure.message}`);
  }
  return holder.whole;
}

/** OPA takes a path as JSON Pointer, with or without its first slash, or as a list of its parts. */
function pointerOf(path: unknown): string | undefined {
  if (typeof path === "string") return path === "" || path.startsWith("/") ? path : `/${path}`;
  if (!Array.isArray(path)) return undefined;
  return path.map((each) => `/${String(each).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** `object.subset`: whether the second operand, an object, set or list, is found in the first. */
export function isSubset(whole: RegoValue, part: RegoValue): boolean {
  if (part instanceof RegoSet && (whole instanceof RegoSet || isList(whole))) {
    const members = whole instanceof RegoSet ? whole.members : whole;
    return part.members.every((wanted) => members.some((each) => compareRego(each, wanted) === 0));
  }
  if (isList(whole) && isList(part)) {
    return whole.some((_, start) =>
      part.every((wanted, index) => {
        const found = whole[start + index];
        return found !== undefined && compareRego(found, wanted) === 0;
      })
    ) || part.length === 0;
  }
  if (!isObject(whole) || !isObject(part)) {
    throw new TypeError("both arguments object.subset must be of the same type or array and set");
  }
  return Object.entries(part).every(([key, wanted]) => {
    const found = Object.hasOwn(whole, key) ? (whole as RegoObject)[key] : undefined;
    if (found === undefined) return false;
    const nested = (isObject(found) && isObject(wanted)) || (isList(found) && isList(wanted)) ||
      (found instanceof RegoSet && wanted instanceof RegoSet);
    return nested ? isSubset(found, wanted) : compareRego(found, wanted) === 0;
  });
}

type RegoObject = { readonly [key: string]: RegoValue };

function isObject(value: RegoValue): value is RegoObject {
  return typeof value === "object" && value !== null && !isList(value) && !(value instanceof RegoSet) &&
    !isRawNumber(value);
}
