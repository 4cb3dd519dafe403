/** What a timer can hold, 24 days; one that is set for longer fires at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Waits, at most 24 days; rejects with the signal's reason when aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, Math.min(ms, longestTimerMs));
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

/** Resolves when the signal is aborted. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Runs work with a signal that ends with the given one or after a time, and leaves nothing behind on the given one. */
export async function withDeadline<T>(
  { ms, signal }: { ms: number; signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limited = new AbortController();
  const end = () => limited.abort(signal.reason);
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  const timer = setTimeout(
    () => limited.abort(new DOMException(`not done within ${ms} ms`, "TimeoutError")),
    Math.min(ms, longestTimerMs),
  );
  try {
    return await work(limited.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
