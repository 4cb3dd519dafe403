/**
 * YAML as `kubectl` prints it: block style, keys sorted, lists not indented, text folded after column 80. Follows the
 * emitter of go-yaml 2, of which this is the part that JSON values need.
 */
const foldAfterColumn = 80;

/** One YAML document. Values are those of JSON. */
export function goYaml(value: unknown): string {
  return isEmpty(value) || typeof value !== "object" ? `${scalar(value, 0, 0)}\n` : `${block(value, 0)}\n`;
}

/** A list or map that is not empty; its lines after the first start at `indent`. */
function block(value: unknown, indent: number): string {
  const newline = `\n${" ".repeat(indent)}`;
  if (Array.isArray(value)) return value.map((item) => `- ${nested(item, indent + 2, indent + 2)}`).join(newline);
  return Object.entries(value as Record<string, unknown>).sort(([a], [b]) => compareKeys(a, b)).map(([key, each]) => {
    const start = `${plainOrQuoted(key, Infinity, "")}:`;
    if (isEmpty(each) || typeof each !== "object") return `${start} ${scalar(each, indent, indent + start.length + 1)}`;
    return Array.isArray(each)
      ? `${start}${newline}${block(each, indent)}`
      : `${start}\n${" ".repeat(indent + 2)}${block(each, indent + 2)}`;
  }).join(newline);
}

function nested(item: unknown, indent: number, column: number): string {
  return isEmpty(item) || typeof item !== "object" ? scalar(item, indent - 2, column) : block(item, indent);
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

/** A value on one line, or text; `indent` is that of the parent, `column` where the value starts. */
function scalar(value: unknown, indent: number, column: number): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const continuation = `\n${" ".repeat(indent + 2)}`;
  return value.includes("\n") ? literal(value, continuation) : plainOrQuoted(value, column, continuation);
}

function literal(text: string, continuation: string): string {
  const chomping = text.endsWith("\n\n") || text === "\n" ? "+" : text.endsWith("\n") ? "" : "-";
  const hint = /^[ \n]/.test(text) ? "2" : "";
  const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
  return `|${hint}${chomping}${lines.map((line) => (line === "" ? "\n" : continuation + line)).join("")}`;
}

// What YAML 1.1 would read as null, a boolean, a number, a time or a merge key is quoted.
const notText =
  /^(|~|null|y|n|yes|no|on|off|true|false|<<|[-+]?\.inf|\.nan|[-+]?(\d[\d_]*)?\.?\d[\d_]*\.?(e[-+]?\d+)?|[-+]?0[xob][\da-f_]+|\d{4}-\d\d?-\d\d?([Tt\s].*)?|[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?)$/i;
// deno-lint-ignore no-control-regex -- what go-yaml calls not printable
const special = /[\x00-\x1f\x7f\u2028\u2029\ufeff\u{10000}-\u{10ffff}]/u;
const indicators = /^(---|\.\.\.)|^[#,[\]{}&*!|>'"%@`]|^[-?:](\s|$)|:(\s|$)|\s#|^\s|\s$/;

function plainOrQuoted(text: string, column: number, continuation: string): string {
  if (special.test(text)) return escaped(text);
  if (notText.test(text)) return fold(JSON.stringify(text), column, continuation);
  if (!indicators.test(text)) return fold(text, column, continuation);
  return fold(`'${text.replaceAll("'", "''")}'`, column, continuation);
}

function escaped(text: string): string {
  return JSON.stringify(text).replace(
    /[\u{10000}-\u{10ffff}]/gu,
    (character) => `\\U${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(8, "0")}`,
  );
}

/** Breaks at the first single space that stands after column 80, over and over. */
function fold(text: string, column: number, continuation: string): string {
  if (column === Infinity) return text;
  let result = "", at = column;
  const characters = [...text];
  for (const [index, character] of characters.entries()) {
    const alone = character === " " && characters[index - 1] !== " " && characters[index + 1] !== " ";
    if (alone && at > foldAfterColumn) {
      result += continuation;
      at = continuation.length - 1;
    } else {
      result += character;
      at++;
    }
  }
  return result;
}

/** go-yaml's order of keys: digits count as numbers, and letters come after everything else. */
function compareKeys(a: string, b: string): number {
  const partsOf = (key: string) => key.match(/\d+|\p{L}|./gsu) ?? [];
  const left = partsOf(a), right = partsOf(b);
  for (let index = 0; index < left.length && index < right.length; index++) {
    const one = left[index] ?? "", other = right[index] ?? "";
    if (one === other) continue;
    const ranks = [one, other].map((part) => (/^\p{L}/u.test(part) ? 1 : 0));
    if (ranks[0] !== ranks[1]) return (ranks[0] ?? 0) - (ranks[1] ?? 0);
    if (/^\d/.test(one) && /^\d/.test(other)) return Number(one) - Number(other) || one.length - other.length;
    return one < other ? -1 : 1;
  }
  return left.length - right.length;
}
