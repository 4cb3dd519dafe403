import { parseJson } from "../../../../contracts/json.ts";
import type { PrintLevel } from "../protocol.ts";
import {
  base64Url,
  hexDecode,
  hexEncode,
  queryDecode,
  queryDecodeObject,
  queryEncode,
  queryEncodeObject,
  quoteGlob,
} from "./encodings.ts";
import { integerOperand, listOperand, textOperand, textsOperand } from "./operands.ts";
import { findN, replace, split, templateMatch } from "./regex.ts";
import { isSubset, patched } from "./objects.ts";
import { type RegoValue, renderRego } from "./rego-value.ts";
import { compareVersions, isVersion } from "./semver.ts";
import { sprintf } from "./sprintf.ts";
import { addDate, clockOf, dateOf, nowNs, parseDuration, parseRfc3339, timeDifference, weekdayOf } from "./time.ts";
import { parseBytes, parseUnits } from "./units.ts";
import { isValid, marshal, unmarshal } from "./yaml.ts";

/** One function of Rego that a module leaves to its host. Throws an error that says why it has no value. */
export type Builtin = (
  operands: readonly RegoValue[],
  host: { print: (text: string, level: PrintLevel) => void },
) => unknown;

/** A builtin of texts only. */
const ofTexts = (call: (...texts: string[]) => unknown): Builtin => (operands) =>
  call(...operands.map((_, index) => textOperand(operands, index + 1)));

/**
 * What a compiled module may call, by the names that OPA gives it (reference/policy-server.md 6.2.1, and more). All other
 * builtins either run inside the module or would need the network, which no policy has.
 */
export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ["base64url.encode_no_pad", ofTexts((text = "") => base64Url(text))],
  ["glob.quote_meta", ofTexts((pattern = "") => quoteGlob(pattern))],
  ["hex.decode", ofTexts((text = "") => hexDecode(text))],
  ["hex.encode", ofTexts((text = "") => hexEncode(text))],
  ["internal.print", ([lines = []], { print }) => {
    for (const line of listOperand([lines], 1)) {
      const words = (line instanceof Object && "members" in line ? line.members : [line]) as readonly RegoValue[];
      print(words.map(printedValue).join(" "), "info");
    }
  }],
  ["json.is_valid", ([text]) => typeof text === "string" && isJson(text)],
  ["json.patch", (operands) => patched(operands[0] ?? null, listOperand(operands, 2))],
  ["object.subset", ([whole = null, part = null]) => isSubset(whole, part)],
  [
    "regex.find_n",
    (operands) => findN(textOperand(operands, 1), textOperand(operands, 2), integerOperand(operands, 3)),
  ],
  ["regex.replace", ofTexts((text = "", pattern = "", value = "") => replace(text, pattern, value))],
  ["regex.split", ofTexts((pattern = "", text = "") => split(pattern, text))],
  [
    "regex.template_match",
    ofTexts((template = "", text = "", open = "", close = "") => templateMatch(template, text, { open, close })),
  ],
  ["semver.compare", ofTexts((a = "", b = "") => compareVersions(a, b))],
  ["semver.is_valid", ([version]) => isVersion(version)],
  ["sprintf", (operands) => sprintf(textOperand(operands, 1), listOperand(operands, 2))],
  ["strings.any_prefix_match", (operands) => anyMatch(operands, (text, part) => text.startsWith(part))],
  ["strings.any_suffix_match", (operands) => anyMatch(operands, (text, part) => text.endsWith(part))],
  ["strings.count", ofTexts((text = "", part = "") => countOf(text, part))],
  ["time.add_date", (operands) => addDate(operands)],
  ["time.clock", ([time = null]) => clockOf(time)],
  ["time.date", ([time = null]) => dateOf(time)],
  ["time.diff", (operands) => timeDifference(operands)],
  ["time.now_ns", () => nowNs()],
  ["time.parse_duration_ns", ofTexts((text = "") => parseDuration(text))],
  ["time.parse_rfc3339_ns", ofTexts((text = "") => parseRfc3339(text))],
  ["time.weekday", ([time = null]) => weekdayOf(time)],
  ["trace", (operands, { print }) => {
    print(textOperand(operands, 1), "debug");
    return true;
  }],
  ["units.parse", ofTexts((text = "") => parseJson(parseUnits(text)))],
  ["units.parse_bytes", ofTexts((text = "") => parseJson(parseBytes(text)))],
  ["urlquery.decode", ofTexts((text = "") => queryDecode(text))],
  ["urlquery.decode_object", ofTexts((text = "") => queryDecodeObject(text))],
  ["urlquery.encode", ofTexts((text = "") => queryEncode(text))],
  ["urlquery.encode_object", ([object = null]) => queryEncodeObject(object)],
  ["yaml.is_valid", ([text]) => isValid(text)],
  ["yaml.marshal", ([value = null]) => marshal(value)],
  ["yaml.unmarshal", ofTexts((text = "") => unmarshal(text))],
]);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // That it cannot be read is the answer.
  }
}

function anyMatch(operands: readonly RegoValue[], matches: (text: string, part: string) => boolean): boolean {
  const parts = textsOperand(operands, 2);
  return textsOperand(operands, 1).some((text) => parts.some((part) => matches(text, part)));
}

/** Go counts an empty text once before each character and once at the end. */
function countOf(text: string, part: string): number {
  return part === "" ? Array.from(text).length + 1 : text.split(part).length - 1;
}

const printedValue = (value: RegoValue) => typeof value === "string" ? value : renderRego(value);
