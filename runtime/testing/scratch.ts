import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a file of tests works in. */
export type Scratch = {
  /** A folder of its own. */
  readonly folder: string;
  /** A path in it that nobody has used; nothing is there yet. */
  fresh(): string;
  /** Aborted at the end, for what was started meanwhile. */
  readonly signal: AbortSignal;
  /** For `test.after`: aborts the signal and removes the folder. */
  end(): Promise<void>;
};

export async function makeScratch(name: string): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  const stop = new AbortController();
  return {
    folder,
    fresh: () => join(folder, crypto.randomUUID()),
    signal: stop.signal,
    end: async () => {
      stop.abort();
      await rm(folder, { recursive: true });
    },
  };
}
