// pure

/** A test as docs/compatibility.md names it: `path.test.ts: name of the test`. */
export type Citation = { file: string; name: string };

/** Every `path.test.ts: name` of a page. A path without a name is a citation of nothing, which no test bears. */
export function citationsIn(text: string): Citation[] {
  return [...text.matchAll(/`([\w./-]+\.test\.ts)(?::\s+([^`]*))?`/g)].map(([, file = "", name = ""]) => ({
    file,
    // A formatter may have broken the line.
    name: name.replace(/\s+/g, " ").trim(),
  }));
}

/**
 * Whether a test file has a test of that name. Where its title is a template, what stands in the place of `${...}` must
 * stand in quotes in `cases`: the file itself and what it imports from its own folder.
 */
export function hasTest(name: string, source: string, cases: string): boolean {
  const aliases = [...source.matchAll(/^const (\w+) = [^;]*\btest\.skip\b/gm)].map(([, alias]) => alias);
  const call = new RegExp(`\\b(?:${["test", ...aliases].join("|")})\\(\\s*(["\`])((?:\\\\.|(?!\\1)[^\\\\])*)\\1`, "g");
  return [...source.matchAll(call)].some(([, quote, title = ""]) => {
    if (quote === '"') return title.replace(/\\(.)/g, "$1") === name;
    const pattern = title.split(/\$\{[^}]*\}/).map((each) => each.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("(.+)");
    const [, ...placed] = new RegExp(`^${pattern}$`).exec(name) ?? [];
    return new RegExp(`^${pattern}$`).test(name) && placed.every((each) => isQuoted(each ?? "", cases));
  });
}

/** Values that a title prints unquoted, and objects by the texts in them, are taken as they are. */
function isQuoted(text: string, source: string): boolean {
  if (/^(true|false|\d+)$/.test(text)) return true;
  if (text.startsWith("{")) return [...text.matchAll(/:("[^"]*")/g)].every(([, value = ""]) => source.includes(value));
  return ['"', "'", "`"].some((quote) => source.includes(quote + text + quote));
}
