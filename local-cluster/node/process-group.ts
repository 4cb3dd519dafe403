/** Kills a process and whatever it started; it was spawned as the leader of its own group. */
export function killGroup(pid: number | undefined): void {
  if (pid !== undefined) send(-pid, "SIGKILL");
}

/** Sends a signal to one process. Not `ChildProcess.kill`: under Deno that does nothing the second time. */
export function signalProcess(pid: number | undefined, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid !== undefined) send(pid, signal);
}

function send(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone, which is what was wanted.
  }
}
