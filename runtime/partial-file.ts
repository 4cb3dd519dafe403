import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";

const suffix = ".partial";

// Longer than any download goes on; its file is written to all the while.
const abandonedMs = 60 * 60_000;

/** A file on its way: nobody sees it under its name before it is whole and on the disk. */
export class PartialFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #size = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Opens a new one in a folder of the same file system as its later place; makes the folder. */
  static async create(folder: string): Promise<PartialFile> {
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${hostname()}.${process.pid}.${randomUUID()}${suffix}`);
    return new PartialFile(path, await open(path, "wx", 0o644));
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await this.#handle.write(chunk, at, chunk.length - at, this.#size);
      at += bytesWritten;
      this.#size += bytesWritten;
    }
  }

  /** Begins again with nothing. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#size = 0;
  }

  /** Puts it in its place; after that a power cut does not undo it. On failure it is gone. */
  async commit(path: string): Promise<void> {
    try {
      await this.#handle.sync();
      await this.#handle.close();
      await mkdir(dirname(path), { recursive: true });
      await rename(this.#path, path);
      await syncFolder(dirname(path));
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined); // Closed already.
    await rm(this.#path, { force: true });
  }
}

/**
 * Removes what processes that ended left in a folder: on this machine those that run no more, elsewhere what nobody wrote
 * to for an hour. Returns how many.
 */
export async function removeAbandoned(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []); // No folder, nothing left.
  const removed = await Promise.all(
    names.filter((name) => name.endsWith(suffix)).map(async (name) => {
      const path = join(folder, name);
      try {
        if (!isOrphan(name, (await stat(path)).mtimeMs)) return false;
        await rm(path);
        return true;
      } catch {
        return false; // Its writer finished, or another process removed it.
      }
    }),
  );
  return removed.filter(Boolean).length;
}

function isOrphan(name: string, writtenAt: number): boolean {
  if (Date.now() - writtenAt > abandonedMs) return true;
  const [, host, pid] = /^(.*)\.(\d+)\.[0-9a-f-]+\.partial$/.exec(name) ?? [];
  if (host !== hostname()) return false;
  // In a container every process has the same number: what is older than this process is of a former one.
  if (Number(pid) === process.pid) return writtenAt < performance.timeOrigin;
  return !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** The names in a folder are on the disk only once the folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } catch {
    // Not every file system can; then it does so itself.
  } finally {
    await folder.close();
  }
}
