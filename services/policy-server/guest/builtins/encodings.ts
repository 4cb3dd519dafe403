// pure
import { numberText, operandError } from "./operands.ts";
import { isList, RegoSet, type RegoValue } from "./rego-value.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** `base64url.encode_no_pad`. */
export function base64Url(text: string): string {
  return bytesOf(text).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** `hex.encode` of the text's UTF-8. */
export function hexEncode(text: string): string {
  return bytesOf(text).toHex();
}

/** `hex.decode`; what is not UTF-8 becomes U+FFFD, since a text cannot hold it. */
export function hexDecode(text: string): string {
  return new TextDecoder().decode(Uint8Array.fromHex(text));
}

/** `urlquery.encode`: all but letters, digits, `-`, `_`, `.` and `~`; a space becomes `+`. */
export function queryEncode(text: string): string {
  return encodeURIComponent(text).replace(/%20/g, "+").replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** `urlquery.decode`. Throws for a percent sign that two hexadecimal digits do not follow. */
export function queryDecode(text: string): string {
  const broken = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(text);
  if (broken !== null) throw new Error(`invalid URL escape ${JSON.stringify(broken[0])}`);
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "%") {
      bytes.push(parseInt(text.slice(at + 1, at + 3), 16));
      at += 2;
    } else if (character === "+") bytes.push(0x20);
    else {
      const whole = String.fromCodePoint(text.codePointAt(at) ?? 0);
      bytes.push(...bytesOf(whole));
      at += whole.length - 1;
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** `urlquery.encode_object`: keys in order, a list or a set is a key several times. */
export function queryEncodeObject(value: RegoValue): string {
  const isObject = typeof value === "object" && value !== null && !isList(value) && !(value instanceof RegoSet) &&
    numberText(value) === undefined;
  if (!isObject) throw operandError(1, "object", value);
  const pairs = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).flatMap(([key, each]) => {
    const values = typeof each === "string" ? [each] : each instanceof RegoSet ? each.members : each;
    if (!isList(values) || !values.every((one) => typeof one === "string")) {
      throw new TypeError("operand 1 values must be string, array[string], or set[string]");
    }
    return values.map((one) => `${queryEncode(key)}=${queryEncode(one)}`);
  });
  return pairs.join("&");
}

/** `urlquery.decode_object`: every key has a list. */
export function queryDecodeObject(text: string): Record<string, string[]> {
  const object: Record<string, string[]> = Object.create(null);
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    if (pair.includes(";")) throw new Error("invalid semicolon separator in query");
    const [key = "", ...value] = pair.split("=");
    (object[queryDecode(key)] ??= []).push(queryDecode(value.join("=")));
  }
  return object;
}

/** `glob.quote_meta`. */
export function quoteGlob(pattern: string): string {
  return pattern.replace(/[*?[\]{}\\]/g, "\\$&");
}
