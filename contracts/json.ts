// pure

/**
 * JSON that keeps every number as it was written. A number that JavaScript would print differently (integers past 2^53,
 * `1.0`, `1e400`) is held as a `JSON.rawJSON` object, which `JSON.stringify` writes back verbatim.
 * Source: reference/policy-server.md 0.2.
 */
export type RawNumber = { readonly rawJSON: string };

type RawJsonApi = {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};
// TypeScript's library has no types yet for JSON.parse source text access (ECMAScript 2026, in Node 26 and Deno 2.9).
const json = JSON as unknown as RawJsonApi;

/** Whether a value is a number that was kept as its source text. */
export function isRawNumber(value: unknown): value is RawNumber {
  return json.isRawJSON(value);
}

/**
 * Where a number may stand (at the start, behind a key, in an array) and has what can be lost: sixteen digits, a
 * fraction, an exponent, a negative zero. Text inside a string may look like it, which only costs time.
 */
const fragileNumber = /(?:^|"\s*:|[[,])\s*-?(?:\d{16}|\d+[.eE]|(?<=-)0)/;

/** Parses JSON text without losing a digit. Throws `SyntaxError` as `JSON.parse` does. */
export function parseJson(text: string): unknown {
  // Keeping source texts takes several times as long as parsing.
  if (!fragileNumber.test(text)) return JSON.parse(text);
  return json.parse(
    text,
    (_key, value, { source }) =>
      typeof value === "number" && source !== undefined && String(value) !== source ? json.rawJSON(source) : value,
  );
}

/** Writes compact JSON; numbers kept by `parseJson` come out as they went in. */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value);
}
