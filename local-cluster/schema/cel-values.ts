import { isRawNumber } from "../../contracts/json.ts";
import { kubernetesCel } from "./cel-environment.ts";
import { escapeFieldName } from "./cel-types.ts";
import { isRecord, type Schema } from "./schema.ts";

const toDuration = kubernetesCel.clone().registerVariable("text", "string").parse("duration(text)");

/** A JSON value as the CEL library wants it: integers as bigint, fields under their escaped names, sets as Set. */
export function celValueOf(value: unknown, schema: Schema = {}): unknown {
  if (typeof value === "number" || isRawNumber(value)) return numberOf(value, schema);
  if (typeof value === "string") return stringOf(value, schema);
  if (Array.isArray(value)) {
    const items = value.map((each) => celValueOf(each, schema.items));
    return schema["x-kubernetes-list-type"] === "set" ? new Set(items) : items;
  }
  if (!isRecord(value)) return value;
  const elements = isRecord(schema.additionalProperties) ? schema.additionalProperties as Schema : undefined;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const property = schema.properties?.[key];
      // Only fields are written as identifiers; keys of maps and of free-form objects stay as they are.
      const name = property ? escapeFieldName(key) ?? key : key;
      return [name, celValueOf(each, property ?? elements)];
    }),
  );
}

function numberOf(value: number | { rawJSON: string }, { type }: Schema): bigint | number {
  const text = typeof value === "number" ? String(value) : value.rawJSON;
  const number = Number(text);
  const integral = type === "integer" || (type !== "number" && /^-?\d+$/.test(text));
  if (!integral) return number;
  return /^-?\d+$/.test(text) ? BigInt(text) : BigInt(Math.trunc(number));
}

function stringOf(value: string, { type, format }: Schema): unknown {
  if (type !== "string") return value;
  if (format === "byte") return Uint8Array.fromBase64(value);
  if (format === "date-time" || format === "date") return new Date(value);
  if (format === "duration") return toDuration({ text: value });
  return value;
}
