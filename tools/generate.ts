/**
 * Writes every generated file from its source; `--check` instead exits 1 and names the files that would change.
 * A generator is a function that returns `path from the root -> content`.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { crdFiles } from "./generate-crds.ts";
import { guestFiles } from "./build-guests.ts";
import { generateBuiltinModels } from "./builtin-models.ts";
import { prometheusRuleFile } from "./prometheus-rule.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
type Files = Record<string, string | Uint8Array>;
const generators: (() => Promise<Files>)[] = [crdFiles, guestFiles, generateBuiltinModels, prometheusRuleFile];

const outputs: Files = Object.assign({}, ...await Promise.all(generators.map((generate) => generate())));
const changed: string[] = [];
for (const [path, content] of Object.entries(outputs)) {
  const current = await readFile(join(root, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (current?.equals(Buffer.from(content))) continue;
  changed.push(path);
  if (process.argv.includes("--check")) continue;
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}
console.log(
  `${Object.keys(outputs).length} generated files, ${changed.length} changed${
    changed.map((path) => `\n  ${path}`).join("")
  }`,
);
if (process.argv.includes("--check") && changed.length > 0) process.exit(1);
