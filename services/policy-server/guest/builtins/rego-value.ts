// pure
import { isRawNumber, parseJson, type RawNumber } from "../../../../contracts/json.ts";

/** A set of Rego, which JSON has no word for. */
export class RegoSet {
  readonly members: readonly RegoValue[];
  constructor(members: readonly RegoValue[]) {
    this.members = members;
  }
  /** As OPA writes a set in JSON. */
  toJSON(): readonly RegoValue[] {
    return this.members;
  }
}

/** Numbers that JavaScript would round are kept as they were written. Keys that are no text stand as their text. */
export type RegoValue =
  | null
  | boolean
  | number
  | RawNumber
  | string
  | readonly RegoValue[]
  | RegoSet
  | { readonly [key: string]: RegoValue };

/** Reads what `opa_value_dump` writes: JSON, and sets as `{1, 2}` and `set()`. Throws SyntaxError. */
export function parseRego(text: string): RegoValue {
  // Only a text with braces can hold what is not JSON.
  if (!text.includes("{") && !text.includes("set(")) return parseJson(text) as RegoValue;
  const reader = new Reader(text);
  const value = reader.value();
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): RegoValue {
    this.#space();
    if (this.#takes("set()")) return new RegoSet([]);
    if (this.#takes("[")) return this.#list("]");
    if (this.#takes("{")) return this.#braces();
    const scalar = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/y;
    scalar.lastIndex = this.#at;
    const [found] = scalar.exec(this.#text) ?? [];
    if (found === undefined) throw this.#unexpected();
    this.#at += found.length;
    return parseJson(found) as RegoValue;
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected();
  }

  #list(close: string, values: RegoValue[] = []): RegoValue[] {
    this.#space();
    if (values.length === 0 && this.#takes(close)) return values;
    if (values.length === 0) values.push(this.value());
    for (this.#space(); !this.#takes(close); this.#space()) {
      if (!this.#takes(",")) throw this.#unexpected();
      values.push(this.value());
    }
    return values;
  }

  /** An object, or a set: its first member tells. */
  #braces(): RegoValue {
    this.#space();
    const object: Record<string, RegoValue> = Object.create(null);
    if (this.#takes("}")) return object;
    const first = this.value();
    this.#space();
    if (!this.#takes(":")) return new RegoSet(this.#list("}", [first]));
    object[keyOf(first)] = this.value();
    for (this.#space(); !this.#takes("}"); this.#space()) {
      if (!this.#takes(",")) throw this.#unexpected();
      const key = this.value();
      this.#space();
      if (!this.#takes(":")) throw this.#unexpected();
      object[keyOf(key)] = this.value();
    }
    return object;
  }

  #space(): void {
    while (this.#at < this.#text.length && " \t\r\n".includes(this.#text.charAt(this.#at))) this.#at++;
  }

  #takes(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`not a value of Rego at position ${this.#at}`);
  }
}

const keyOf = (value: RegoValue) => typeof value === "string" ? value : JSON.stringify(value);

/** A value as Rego's `String()` writes it: members of objects and sets in order, a space behind commas and colons. */
export function renderRego(value: RegoValue): string {
  if (value === null || typeof value !== "object" || isRawNumber(value)) return JSON.stringify(value);
  if (value instanceof RegoSet) {
    if (value.members.length === 0) return "set()";
    return `{${[...value.members].sort(compareRego).map(renderRego).join(", ")}}`;
  }
  if (isList(value)) return `[${value.map(renderRego).join(", ")}]`;
  const members = Object.entries(value).sort(([a], [b]) => compareText(a, b));
  return `{${members.map(([key, each]) => `${JSON.stringify(key)}: ${renderRego(each)}`).join(", ")}}`;
}

/**
 * Rego's order of values: null, booleans, numbers, strings, arrays, objects, sets; lists by their first different members,
 * objects and sets as lists of what they hold, in order.
 */
export function compareRego(a: RegoValue, b: RegoValue): number {
  const byKind = kindOf(a) - kindOf(b);
  if (byKind !== 0 || a === null || b === null) return byKind;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (kindOf(a) < 3) return numberOf(a) - numberOf(b);
  const left = partsOf(a), right = partsOf(b);
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const difference = compareRego(part, other);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function numberOf(value: RegoValue): number {
  return Number(isRawNumber(value) ? value.rawJSON : value);
}

function partsOf(value: RegoValue): readonly RegoValue[] {
  if (isList(value)) return value;
  if (value instanceof RegoSet) return [...value.members].sort(compareRego);
  const members = Object.entries(value as { readonly [key: string]: RegoValue });
  return members.sort(([a], [b]) => compareText(a, b)).flat();
}

function kindOf(value: RegoValue): number {
  if (value === null) return 0;
  if (typeof value === "boolean") return 1;
  if (typeof value === "number" || isRawNumber(value)) return 2;
  if (typeof value === "string") return 3;
  if (isList(value)) return 4;
  return value instanceof RegoSet ? 6 : 5;
}

/** By code points, as Go compares. */
function compareText(a: string, b: string): number {
  const left = Array.from(a, (each) => each.codePointAt(0) ?? 0);
  const right = Array.from(b, (each) => each.codePointAt(0) ?? 0);
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** `Array.isArray` does not tell a list that is not to be changed from an object. */
export function isList(value: RegoValue): value is readonly RegoValue[] {
  return Array.isArray(value);
}
