/**
 * Checks docs/compatibility.md: every test it cites, as `path.test.ts: name of the test`, exists; every id of a closed
 * list has one row, with tests or a reason; and, without `--quick`, those tests ran on both runtimes as they stand now.
 * Prints each breach and exits 1 if there is any.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Citation, citationsIn, hasTest } from "./citations.ts";
import { closedLists, listProblems, rowsOf } from "./closed-lists.ts";
import type { RuntimeName } from "./runtimes.ts";
import { sourceFiles } from "./source-files.ts";
import { contentHash, readRecord, recordPath, type TestRecord } from "./test-records.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const page = "docs/compatibility.md";
const runtimes: RuntimeName[] = ["node", "deno"];

/** What is wrong with the page. `mustHaveRun`: look at the records of `tools/test.ts`, too. */
export async function compatibilityProblems({ mustHaveRun }: { mustHaveRun: boolean }): Promise<string[]> {
  const text = readFileSync(join(root, page), "utf8");
  const citations = citationsIn(text);
  const problems = citations.length === 0 ? ["cites no test at all"] : citations.flatMap(missing);
  for (const list of closedLists) {
    const rows = rowsOf(text, list);
    problems.push(...listProblems(list, rows));
    if (!mustHaveRun) continue;
    for (const { id, citations } of rows) {
      const unseen = citations.flatMap((citation) => runtimes.map((runtime) => notSeen(citation, runtime)));
      problems.push(...unseen.filter((each) => each !== undefined).map((each) => `${id}: ${each}`));
    }
  }
  return [...problems.map((each) => `${page}: ${each}`), ...await narrowed()];
}

function missing({ file, name }: Citation): string[] {
  if (!existsSync(join(root, file))) return [`there is no file ${file}`];
  const source = readFileSync(join(root, file), "utf8");
  const imported = [...source.matchAll(/from "(\.\/[^"]+)"/g)].map(([, path = ""]) => join(root, dirname(file), path));
  const cases = [source, ...imported.map((path) => readFileSync(path, "utf8"))].join("\n");
  return hasTest(name, source, cases) ? [] : [`${file} has no test "${name}"`];
}

function notSeen({ file, name }: Citation, runtime: RuntimeName): string | undefined {
  if (!existsSync(join(root, file))) return undefined;
  const record = readRecord(recordPath(root, { runtime, file }));
  const reason = whyNotShown(record, { name, hash: contentHash(join(root, file)) });
  return reason === undefined ? undefined : `"${file}: ${name}" on ${runtime}: ${reason}`;
}

/** Why a record does not show that a test passed, in a file that ran whole and as it stands now. */
export function whyNotShown(
  record: TestRecord | undefined,
  { name, hash }: { name: string; hash: string },
): string | undefined {
  if (record === undefined) return "its file did not run";
  if (record.hash !== hash) return "its file changed since it ran";
  if (record.failed > 0) return `${record.failed} tests of its file failed`;
  if (record.skipped > 0) return `${record.skipped} tests of its file were skipped`;
  return record.names.some((each) => each.replace(/\s+/g, " ").trim() === name) ? undefined : "it did not run";
}

/** `.only` makes a file pass without its other tests. */
async function narrowed(): Promise<string[]> {
  const files = (await sourceFiles(root)).filter((file) => file.endsWith(".test.ts"));
  return files.filter((file) => /\btest\.only\b/.test(readFileSync(join(root, file), "utf8")))
    .map((file) => `${file}: runs only some of its tests`);
}

if (import.meta.main) {
  const problems = await compatibilityProblems({ mustHaveRun: !process.argv.includes("--quick") });
  for (const each of problems) console.error(each);
  const ids = closedLists.map((list) => `${list.ids.length} ${list.what}`).join(", ");
  console.log(`tests cited in ${page}, ${ids}: ${problems.length} problems`);
  process.exit(problems.length === 0 ? 0 : 1);
}
