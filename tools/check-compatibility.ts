/**
 * Checks docs/compatibility.md: every test it cites, as `path.test.ts: name of the test`, must exist. Prints each one
 * that does not and exits 1 if there is any.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const page = "docs/compatibility.md";

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

function problemsOf(citations: readonly Citation[]): string[] {
  if (citations.length === 0) return [`${page}: cites no test at all`];
  return citations.flatMap(({ file, name }) => {
    if (!existsSync(join(root, file))) return [`${page}: there is no file ${file}`];
    const source = readFileSync(join(root, file), "utf8");
    const imported = [...source.matchAll(/from "(\.\/[^"]+)"/g)].map(([, path = ""]) =>
      join(root, dirname(file), path)
    );
    const cases = [source, ...imported.map((path) => readFileSync(path, "utf8"))].join("\n");
    return hasTest(name, source, cases) ? [] : [`${page}: ${file} has no test "${name}"`];
  });
}

if (import.meta.main) {
  const citations = citationsIn(readFileSync(join(root, page), "utf8"));
  const problems = problemsOf(citations);
  for (const each of problems) console.error(each);
  console.log(`${citations.length} tests cited, ${problems.length} of them not found`);
  process.exit(problems.length === 0 ? 0 : 1);
}
