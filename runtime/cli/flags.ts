// pure
import { durationMs } from "../../contracts/duration.ts";

type Common = { env?: string; flag?: string; short?: string; group?: string; hidden?: boolean; fallbackText?: string };

/** Any text. */
export function textFlag<T extends string | undefined>(
  description: string,
  fallback: T,
  common: Common & { placeholder?: string } = {},
) {
  return {
    description,
    fallback: fallback as string | T,
    placeholder: "text",
    parse: (text: string): string | T => text,
    ...common,
  };
}

/** `1`, `true`, `yes`, `0`, `false`, `no`, in any case. */
export function booleanFlag(description: string, fallback: boolean, common: Common = {}) {
  return { description, fallback, parse: parseBoolean, ...common };
}

/** A whole number inside bounds; `tooSmall` says why less than `min` makes no sense. Beyond 2^53 digits are lost. */
export function integerFlag(
  description: string,
  fallback: number,
  { min = 0, max = 2 ** 31 - 1, tooSmall, ...common }: Common & {
    min?: number;
    max?: number | bigint;
    tooSmall?: string;
  } = {},
) {
  const parse = (text: string) => {
    const value = /^-?\d{1,40}$/.test(text) ? BigInt(text) : undefined;
    if (value !== undefined && value < min && tooSmall !== undefined) throw new Error(tooSmall);
    if (value === undefined || value < min || value > max) {
      throw new Error(`expected a whole number from ${min} to ${max}`);
    }
    return Number(value);
  };
  return { description, fallback, placeholder: "number", parse, ...common };
}

/** One of a few words. */
export function choiceFlag<T extends string>(
  description: string,
  choices: readonly T[],
  fallback: T,
  common: Common = {},
) {
  const parse = (text: string): T => {
    const found = choices.find((each) => each === text.toLowerCase());
    if (found === undefined) throw new Error(`expected one of ${choices.join(", ")}`);
    return found;
  };
  return { description, fallback, placeholder: choices.join("|"), parse, ...common };
}

/** A list with commas, or a flag given again; spaces around items and empty items do not count. */
export function listFlag(
  description: string,
  { min = 0, ...common }: Common & { placeholder?: string; min?: number } = {},
) {
  const parse = (text: string): readonly string[] => {
    const items = text.split(",").map((each) => each.trim()).filter((each) => each);
    if (items.length < min) throw new Error(`expected at least ${min}`);
    return items;
  };
  const combine = (before: readonly string[], next: readonly string[]) => [...before, ...next];
  return { description, fallback: [] as readonly string[], placeholder: "a,b,...", parse, combine, ...common };
}

/** A duration as Go writes it (`15s`, `1m30s`, `500ms`); the value is in milliseconds. */
export function durationFlag(description: string, fallback: string, common: Common = {}) {
  const shared = { description, placeholder: "duration", parse: parseDuration, ...common };
  return { ...shared, fallback: parseDuration(fallback), fallbackText: fallback };
}

function parseBoolean(text: string): boolean {
  const word = text.toLowerCase();
  if (["1", "true", "yes"].includes(word)) return true;
  if (["0", "false", "no"].includes(word)) return false;
  throw new Error("expected true or false");
}

function parseDuration(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) throw new Error('expected a duration such as "15s" or "1m30s"');
  return ms;
}
