import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Ends a process in good order, and by force when that takes half a minute. Nothing happens if it has ended. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  // By pid: Deno's `child.kill` sends one signal only, and then reports the child as killed by it.
  process.kill(child.pid, "SIGTERM");
  const patience = setTimeout(() => child.kill("SIGKILL"), 30_000);
  await once(child, "close");
  clearTimeout(patience);
}
