// pure

/** Whether a container that exited is started again. */
export function shouldRestart(restartPolicy: string | undefined, exitCode: number): boolean {
  return restartPolicy === "Never" ? false : restartPolicy === "OnFailure" ? exitCode !== 0 : true;
}

/**
 * The pause before the next start: none after the first exit, then doubling. A kubelet starts at 10 s and ends at
 * 5 min; here everything is 20 times quicker, so that a test sees several restarts.
 */
export function restartDelayMs(restarts: number): number {
  return restarts === 0 ? 0 : Math.min(15_000, 500 * 2 ** (restarts - 1));
}

/** An uninterrupted run of this length forgets earlier crashes (10 min on a real node). */
export const forgetCrashesAfterMs = 30_000;
