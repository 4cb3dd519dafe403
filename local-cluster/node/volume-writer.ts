import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VolumeFile } from "./volume-files.ts";

/**
 * Writes a volume the way the kubelet does (AtomicWriter): a new timestamped folder, then `..data` swapped by one rename,
 * so that a reader sees all old or all new files. Each visible name is a symlink through `..data`.
 */
export async function writeVolume(folder: string, files: ReadonlyMap<string, VolumeFile>): Promise<void> {
  await mkdir(folder, { recursive: true });
  const before = await readlink(join(folder, "..data")).catch(ifMissing(undefined));
  const stamp = new Date().toISOString().replace(/[-:]/g, "_").replace("T", "_").replace(/Z$/, ".");
  const next = await mkdtemp(join(folder, `..${stamp}`));
  for (const [path, { content, mode }] of files) {
    await mkdir(dirname(join(next, path)), { recursive: true });
    // Written for the owner at least: pods of the local cluster run as the user who started it, not as their own user.
    await writeFile(join(next, path), content, { mode: mode | 0o400 });
  }
  await symlink(next.slice(folder.length + 1), join(folder, "..data_tmp"));
  await rename(join(folder, "..data_tmp"), join(folder, "..data"));

  const visible = new Set([...files.keys()].map((path) => path.split("/")[0] ?? path));
  const present = new Set((await readdir(folder)).filter((name) => !name.startsWith("..")));
  for (const name of visible) if (!present.has(name)) await symlink(join("..data", name), join(folder, name));
  for (const name of present) if (!visible.has(name)) await rm(join(folder, name));
  if (before !== undefined) await rm(join(folder, before), { recursive: true, force: true });
}

/** Whether two sets of files are the same, so that nothing needs to be swapped. */
export function sameFiles(a: ReadonlyMap<string, VolumeFile>, b: ReadonlyMap<string, VolumeFile>): boolean {
  return a.size === b.size && [...a].every(([path, file]) => {
    const other = b.get(path);
    return other !== undefined && other.mode === file.mode && other.content.length === file.content.length &&
      other.content.every((byte, at) => byte === file.content[at]);
  });
}

function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return value;
    throw error;
  };
}
