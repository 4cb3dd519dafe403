/** Kills a process and whatever it started; it was spawned as the leader of its own group. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Already gone, which is what was wanted.
  }
}
