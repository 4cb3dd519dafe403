import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";

const folders = ["contracts", "runtime", "services", "local-cluster", "test", "tools", "bench"];

/** Every TypeScript source of the project, as paths from the root with `/`, sorted. */
export async function sourceFiles(root: string): Promise<string[]> {
  const listings = folders.map(async (folder) => {
    const entries = await readdir(join(root, folder), { recursive: true });
    return entries.filter((each) => each.endsWith(".ts")).map((each) => `${folder}/${each.split(sep).join("/")}`);
  });
  return (await Promise.all(listings)).flat().sort();
}
