import { type ConfigText, maxConfigDepth } from "../../../contracts/config-problems.ts";
import { parseJson } from "../../../contracts/json.ts";
import { jsonPlaces } from "./json-places.ts";
import { parseYamlText } from "./yaml-text.ts";

/**
 * Reads YAML, or JSON as the reconciler writes it, without losing a digit of a number. Throws an Error that names lines
 * where the text is neither; what is only ambiguous (a key that is there twice) becomes a problem of the source.
 */
export function parseConfigText(text: string): ConfigText {
  // A parser of YAML takes many times as long, so that it reads JSON only to say what is wrong with it.
  return /^\s*[{[]/.test(text) ? parseJsonText(text) ?? parseYamlText(text) : parseYamlText(text);
}

/** The value of a JSON text, undefined if it is none. */
function parseJsonText(text: string): ConfigText | undefined {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    if (error instanceof RangeError) throw new Error(`nested deeper than ${maxConfigDepth} levels`, { cause: error });
    return undefined; // Not JSON, but it may still be YAML in flow style.
  }
  const places = jsonPlaces(text);
  if (places.depth > maxConfigDepth) throw new Error(`nested deeper than ${maxConfigDepth} levels`);
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length;
  const problems = places.duplicates.map(({ path, first, second }) => ({
    path,
    message: "defined twice",
    lines: [lineAt(first), lineAt(second)],
  }));
  return { value, source: { lineOf: (path) => lineAt(places.offsetOf(path)), problems } };
}
