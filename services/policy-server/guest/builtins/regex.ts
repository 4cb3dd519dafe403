import { RE2JS } from "re2js";

/** Regular expressions in Go's syntax, in time linear in the text: one of JavaScript's own could run for ever. */
type Match = { start: number; end: number; groups: (string | null)[] };

const maxPatterns = 64;
const compiled = new Map<string, RE2JS>();

/** Throws what says what is wrong with the pattern. */
function expression(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const made = RE2JS.compile(pattern);
  if (compiled.size >= maxPatterns) compiled.clear();
  compiled.set(pattern, made);
  return made;
}

/** At most `limit` matches; an empty one does not follow another match at once. */
function matches(pattern: string, text: string, limit = Infinity): Match[] {
  const matcher = expression(pattern).matcher(text);
  const found: Match[] = [];
  let last = -1;
  while (found.length < limit && matcher.find()) {
    const [start, end] = [matcher.start(), matcher.end()];
    const followsAtOnce = start === end && start === last;
    last = end;
    if (followsAtOnce) continue;
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, index) => matcher.group(index));
    found.push({ start, end, groups });
  }
  return found;
}

/** `regex.find_n`: a negative number means all. */
export function findN(pattern: string, text: string, count: number): string[] {
  return matches(pattern, text, count < 0 ? Infinity : count).map(({ start, end }) => text.slice(start, end));
}

/** `regex.split`, as Go's `Split` with no limit. */
export function split(pattern: string, text: string): string[] {
  if (pattern.length > 0 && text.length === 0) return [""];
  const parts: string[] = [];
  let begin = 0, last = 0;
  for (const { start, end } of matches(pattern, text)) {
    last = start;
    if (end !== 0) parts.push(text.slice(begin, start));
    begin = end;
  }
  if (last !== text.length) parts.push(text.slice(begin));
  return parts;
}

/** `regex.replace`, with `$1`, `${1}`, `${name}` and `$$` in what is put in. */
export function replace(text: string, pattern: string, replacement: string): string {
  const names = expression(pattern).namedGroups();
  let out = "", at = 0;
  for (const { start, end, groups } of matches(pattern, text)) {
    out += text.slice(at, start) + replacement.replace(
      /\$(?:(\$)|\{(\w+)\}|(\w+))/g,
      (_all, dollar: string | undefined, braced: string | undefined, bare: string | undefined) => {
        if (dollar !== undefined) return "$";
        const name = braced ?? bare ?? "";
        return groups[/^\d+$/.test(name) ? Number(name) : names[name] ?? -1] ?? "";
      },
    );
    at = end;
  }
  return out + text.slice(at);
}

/** `regex.template_match`: text with expressions between two delimiters of one character each. */
export function templateMatch(template: string, text: string, delimiters: { open: string; close: string }): boolean {
  const { open, close } = delimiters;
  if (open.length !== 1) throw new Error("start delimiter has to be exactly one character long but is more");
  if (close.length !== 1) throw new Error("end delimiter has to be exactly one character long but is more");
  let pattern = "", level = 0, from = 0;
  for (let at = 0; at < template.length; at++) {
    const character = template.charAt(at);
    if (character === open && ++level === 1) {
      pattern += RE2JS.quote(template.slice(from, at));
      from = at + 1;
    } else if (character === close && --level === 0) {
      pattern += `(${template.slice(from, at)})`;
      from = at + 1;
    }
    if (level < 0) break;
  }
  if (level !== 0) throw new Error(`unbalanced braces in ${JSON.stringify(template)}`);
  return expression(`^${pattern}${RE2JS.quote(template.slice(from))}$`).matcher(text).find();
}
