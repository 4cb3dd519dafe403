// pure

/** How deep a document may nest; Kubernetes' own objects stay below 100. */
export const maxJsonDepth = 512;

/**
 * The members of the object that starts at `at` in a JSON text: each key with its value as it is written. The text must
 * be valid JSON: what `JSON.parse` takes is not checked again. Of a key that stands twice the last value counts, as it does
 * there. Throws `RangeError` for values nested deeper than `maxJsonDepth`.
 */
export function jsonMembers(text: string, at = 0): Map<string, string> {
  const members = new Map<string, string>();
  let next = skipSpace(text, skipSpace(text, at) + 1);
  while (text[next] === '"') {
    const keyEnd = stringEnd(text, next);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(text, start);
    members.set(keyOf(text.slice(next, keyEnd)), text.slice(start, end));
    next = skipSpace(text, end);
    if (text[next] === ",") next = skipSpace(text, next + 1);
  }
  return members;
}

function keyOf(quoted: string): string {
  return quoted.includes("\\") ? JSON.parse(quoted) as string : quoted.slice(1, -1);
}

const quote = 0x22, backslash = 0x5c, comma = 0x2c, openBracket = 0x5b, closeBracket = 0x5d, openBrace = 0x7b;
const closeBrace = 0x7d;

function skipSpace(text: string, at: number): number {
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** Behind the closing quote of the string that starts at `at`; the end of the text if it has none. */
export function stringEnd(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
  return text.length;
}

/** Behind the last character of the value that starts at `at`. */
function valueEnd(text: string, at: number): number {
  let depth = 0;
  for (let next = at; next < text.length; next++) {
    switch (text.charCodeAt(next)) {
      case quote:
        next = stringEnd(text, next) - 1;
        if (depth === 0) return next + 1;
        break;
      case openBrace:
      case openBracket:
        if (++depth > maxJsonDepth) throw new RangeError(`nested deeper than ${maxJsonDepth} levels`);
        break;
      case closeBrace:
      case closeBracket:
        // A number or literal ends where its parent does.
        if (depth === 0) return trimmedEnd(text, next);
        if (--depth === 0) return next + 1;
        break;
      case comma:
        if (depth === 0) return trimmedEnd(text, next);
    }
  }
  return text.length;
}

function trimmedEnd(text: string, end: number): number {
  while (text.charCodeAt(end - 1) <= 0x20) end--;
  return end;
}
