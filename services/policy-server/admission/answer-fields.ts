// pure
import { isRawNumber } from "../../../contracts/json.ts";

/** A boolean that must be there. */
export function required(answer: Record<string, unknown>, name: string): boolean {
  const value = answer[name];
  if (value === undefined) throw new TypeError(`missing field \`${name}\``);
  if (typeof value !== "boolean") throw new TypeError(`field \`${name}\` must be a boolean`);
  return value;
}

/** A member of the right kind; null counts as absent. Throws an error that names it. */
export function optional<T>(
  answer: Record<string, unknown>,
  name: string,
  is: (value: unknown) => value is T,
  what: string,
): T | undefined {
  const value = answer[name];
  if (value === undefined || value === null) return undefined;
  if (!is(value)) throw new TypeError(`field \`${name}\` must be ${what}`);
  return value;
}

export const isString = (value: unknown): value is string => typeof value === "string";
export const isCode = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65535;
export const isStringList = (value: unknown): value is string[] => Array.isArray(value) && value.every(isString);
export const isStringMap = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every(isString);
/** A number that is kept as its source text is an object only to JavaScript. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);

/** Leaves out what is undefined. */
export function withoutAbsent<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
