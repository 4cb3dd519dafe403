// pure
import { maxJsonDepth, stringEnd } from "./json-members.ts";

const quote = 0x22, openBracket = 0x5b, closeBracket = 0x5d, openBrace = 0x7b, closeBrace = 0x7d;

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
        at = stringEnd(text, at) - 1;
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
