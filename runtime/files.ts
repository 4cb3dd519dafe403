import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type Log, silentLog } from "./telemetry/log.ts";
import { sleep } from "./sleep.ts";

/** Bytes of a file. */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(path));
}

/** The bytes of a file, `undefined` when there is no such file. */
export async function readBytesIfPresent(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await readBytes(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Whether there is such a file or folder. */
export async function isPresent(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}

/** Removes a file, if there is one. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** UTF-8 text of a file. */
export async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8");
}

/** The same, `undefined` when there is no such file. */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Writes a file in place, as `/dev/stdout` needs. */
export async function writeText(path: string, text: string): Promise<void> {
  await writeFile(path, text);
}

/** Writes beside the target and renames, so that a reader sees the old or the new content; makes missing folders. */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  o: { mode?: number } = {},
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(temporary, content, { mode: o.mode ?? 0o644, flag: "wx" });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Path -> content; a file that does not exist is left out. */
export type FileContents = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/**
 * Reads files that belong together (a certificate and its key) as of one moment: twice, until both readings agree, since
 * a mounted Secret is swapped by a symlink between any two reads.
 */
export async function readTogether(paths: readonly string[]): Promise<FileContents> {
  let contents = await readAll(paths);
  for (let attempt = 0; attempt < 20; attempt++) {
    const again = await readAll(paths);
    if (hashOf(again) === hashOf(contents)) return again;
    contents = again;
  }
  return contents;
}

export type WatchFilesOptions = {
  signal: AbortSignal;
  intervalMs?: number;
  /** The content the caller already has; later contents are reported. Default: what is there at the first look. */
  known?: FileContents;
  /** Called once for each new content; if it throws, that is logged and the next change is awaited. */
  onChange: (contents: FileContents) => void | Promise<void>;
  log?: Log;
};

/**
 * Looks at a few small files again and again until the signal. By content: file system events miss the symlink swaps of
 * mounted Secrets, and times do not change where a mount is copied.
 */
export async function watchFiles(paths: readonly string[], options: WatchFilesOptions): Promise<void> {
  const { signal, intervalMs = 1000, onChange, log = silentLog } = options;
  let known = hashOf(options.known ?? await readTogether(paths));
  while (!signal.aborted) {
    await sleep(intervalMs, signal).catch(() => undefined); // Aborted: the loop ends.
    if (signal.aborted) return;
    try {
      const contents = await readTogether(paths);
      const hash = hashOf(contents);
      if (hash === known) continue;
      known = hash;
      await onChange(contents);
    } catch (error) {
      log.warn("cannot take over changed files", { error, paths: paths.join(", ") });
    }
  }
}

async function readAll(paths: readonly string[]): Promise<FileContents> {
  const entries = await Promise.all(paths.map(async (path): Promise<[string, Uint8Array<ArrayBuffer>][]> => {
    try {
      return [[path, await readBytes(path)]];
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }));
  return new Map(entries.flat());
}

function hashOf(contents: FileContents): string {
  const hash = createHash("sha256");
  for (const [path, bytes] of contents) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  return hash.digest("hex");
}

function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}
