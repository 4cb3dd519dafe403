// pure
import { isRawNumber } from "../../../../contracts/json.ts";
import { isList, RegoSet, type RegoValue } from "./rego-value.ts";

/** The operand at a place, counted from 1 as messages count it; each throws an error that says what it should have been. */
export function textOperand(operands: readonly RegoValue[], place: number): string {
  const value = operands[place - 1];
  if (typeof value !== "string") throw operandError(place, "string", value);
  return value;
}

export function integerOperand(operands: readonly RegoValue[], place: number): number {
  const value = numberText(operands[place - 1] ?? null);
  if (value === undefined || !Number.isSafeInteger(Number(value))) {
    throw operandError(place, "integer", operands[place - 1]);
  }
  return Number(value);
}

export function listOperand(operands: readonly RegoValue[], place: number): readonly RegoValue[] {
  const value = operands[place - 1] ?? null;
  if (!isList(value)) throw operandError(place, "array", value);
  return value;
}

/** The texts of a list or a set, or a single text. */
export function textsOperand(operands: readonly RegoValue[], place: number): readonly string[] {
  const value = operands[place - 1] ?? null;
  const members = typeof value === "string" ? [value] : value instanceof RegoSet ? value.members : value;
  if (!isList(members) || !members.every((each) => typeof each === "string")) {
    throw operandError(place, "string or collection of strings", value);
  }
  return members;
}

/** A number as it was written, or undefined for what is none. */
export function numberText(value: RegoValue): string | undefined {
  if (typeof value === "number") return String(value);
  return isRawNumber(value) ? value.rawJSON : undefined;
}

/** The word for what a value is, as Rego's `type_name` says it. */
export function typeName(value: RegoValue | undefined): string {
  if (value === null || value === undefined) return "null";
  if (isRawNumber(value)) return "number";
  if (typeof value !== "object") return typeof value;
  return value instanceof RegoSet ? "set" : isList(value) ? "array" : "object";
}

export function operandError(place: number, wanted: string, got: RegoValue | undefined): TypeError {
  return new TypeError(`operand ${place} must be ${wanted} but got ${typeName(got)}`);
}
