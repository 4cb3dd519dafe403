import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RuntimeName } from "./runtimes.ts";

/** What the last run of one test file on one runtime showed. */
export type TestRecord = {
  /** SHA-256 of the test file as it was run. */
  hash: string;
  passed: number;
  failed: number;
  skipped: number;
  /** Names of the tests that ran, whether they passed or not. */
  names: string[];
};

/** Where `tools/test.ts` keeps the record of a file, and, with `.names`, what the run itself writes down. */
export function recordPath(root: string, { runtime, file }: { runtime: RuntimeName; file: string }): string {
  return join(root, ".cache/test-runs", runtime, `${file}.json`);
}

export function writeRecord(path: string, record: TestRecord): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(record));
}

/** The last record of a file, or undefined if it never ran. */
export function readRecord(path: string): TestRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export function contentHash(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
