// pure
import { maxJsonDepth } from "./json-members.ts";

const quote = 0x22, backslash = 0x5c, openBracket = 0x5b, closeBracket = 0x5d, openBrace = 0x7b, closeBrace = 0x7d;

/**
 * Throws `RangeError` if a text nests deeper than `maxJsonDepth`. To be asked before parsing: not every parser and printer
 * of JSON survives any depth. The text may be no JSON at all; then the parser says so.
 */
export function assertJsonDepth(text: string): void {
  if (text.length <= maxJsonDepth) return;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = closingQuote(text, at);
        break;
      case openBrace:
      case openBracket:
        if (++depth > maxJsonDepth) throw new RangeError(`nested deeper than ${maxJsonDepth} levels`);
        break;
      case closeBrace:
      case closeBracket:
        depth--;
    }
  }
}

/** Where the string that starts at `at` ends; the end of the text if it does not. */
function closingQuote(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}
