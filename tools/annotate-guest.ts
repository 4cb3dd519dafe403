/** `annotate-guest.ts <module.wasm> <metadata.json> <policy.wasm>`: writes the module with its metadata section. */
import { readFile, writeFile } from "node:fs/promises";
import { annotate } from "./build-guests.ts";

const [module, metadata, policy] = process.argv.slice(2);
if (module === undefined || metadata === undefined || policy === undefined) {
  console.error("usage: annotate-guest.ts <module.wasm> <metadata.json> <policy.wasm>");
  process.exit(2);
}
const text = JSON.stringify(JSON.parse(await readFile(metadata, "utf8")));
await writeFile(policy, annotate(await readFile(module), text));
