import { Document, parse, type ScalarTag, visit } from "yaml";
import { parseJson, stringifyJson } from "../../../../contracts/json.ts";
import type { RegoValue } from "./rego-value.ts";

/** Go's YAML still takes a leading zero for octal, as version 1.1 does, and little else of that version. */
const octal: ScalarTag = {
  default: true,
  tag: "tag:yaml.org,2002:int",
  test: /^[-+]?0[0-7]+$/,
  resolve: (text) => (text.startsWith("-") ? -1n : 1n) * BigInt(text.replace(/^[-+]?0/, "0o")),
};

/** YAML as Go's `sigs.k8s.io/yaml` reads it: one document, merge keys, no key twice. */
const reading = { version: "1.2", merge: true, intAsBigInt: true, maxAliasCount: 100 } as const;

/** `yaml.unmarshal`. Throws what says what is wrong with the text. */
export function unmarshal(text: string): RegoValue {
  const value: unknown = parse(text, { ...reading, customTags: (tags) => [octal, ...tags] });
  const json = JSON.stringify(value ?? null, (_key, each: unknown) => {
    if (typeof each === "bigint") return parseJson(String(each));
    if (typeof each === "number" && !Number.isFinite(each)) throw new Error("a number is no number of JSON");
    return each;
  });
  return parseJson(json) as RegoValue;
}

/** `yaml.is_valid`. */
export function isValid(text: unknown): boolean {
  if (typeof text !== "string") return false;
  try {
    unmarshal(text);
    return true;
  } catch {
    return false; // That it cannot be read is the answer.
  }
}

/** What some version of YAML takes for something else than text. */
const isAmbiguous = (text: string) => /^(?:|~|null|true|false|y|n|yes|no|on|off|[-+]?[.\d][\w.:+-]*|<<)$/i.test(text);

/** `yaml.marshal`: keys in order, and quotes as Go chooses them. */
export function marshal(value: RegoValue): string {
  const plain: unknown = JSON.parse(stringifyJson(value), keepLarge);
  const document = new Document(plain, { sortMapEntries: true, aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value === "string" && isAmbiguous(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ lineWidth: 0, singleQuote: true });
}

function keepLarge(_key: string, each: unknown, { source }: { source?: string } = {}): unknown {
  return typeof each === "number" && !Number.isSafeInteger(each) && /^-?\d+$/.test(source ?? "")
    ? BigInt(source ?? "0")
    : each;
}
