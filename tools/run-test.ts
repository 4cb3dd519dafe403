/**
 * Runs one test file in this process and writes down the names of its tests that ran, as a JSON list. Those of uvu's own
 * `test`: of a `suite` no name would be known, and docs/compatibility.md could not cite it.
 *
 *   tools/run-test.ts <file.test.ts> <names.json>
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";

const [file, namesFile] = process.argv.slice(2);
if (file === undefined || namesFile === undefined) throw new Error("usage: run-test.ts <file.test.ts> <names.json>");

const names: string[] = [];
test.after.each(({ __test__ }) => void names.push(__test__));
test.after(() => writeFileSync(namesFile, JSON.stringify(names)));
await import(pathToFileURL(resolve(file)).href);
