/**
 * Reads `+pid` and `-pid` lines; when the pipe closes, the cluster is gone: every pid still listed is killed and the
 * folder named by the first argument, if any, removed.
 */
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { killGroup } from "./process-group.ts";

const pids = new Set<number>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1));
  if (line.startsWith("+")) pids.add(pid);
  else pids.delete(pid);
}
for (const pid of pids) killGroup(pid);
const [folder] = process.argv.slice(2);
if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
process.exit(0);
