import { type Clock, systemClock } from "../clock.ts";

/** Waits for one's turn; rejects with the signal's reason when aborted, and then the turn is the next one's. */
export type RateLimit = (signal?: AbortSignal) => Promise<void>;

/** Lets `burst` calls through at once and `perSecond` after that, first come, first served. */
export function rateLimit(
  { perSecond, burst, clock = systemClock }: { perSecond: number; burst: number; clock?: Clock },
): RateLimit {
  const intervalMs = 1000 / perSecond;
  /** When the next call would have its turn if there were no burst. */
  let nextMs = 0;
  return (signal) => {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const now = clock.now();
    nextMs = Math.max(nextMs, now) + intervalMs;
    const waitMs = nextMs - now - burst * intervalMs;
    if (waitMs <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const aborted = () => {
        cancel();
        nextMs -= intervalMs;
        reject(signal?.reason);
      };
      const cancel = clock.after(waitMs, () => {
        signal?.removeEventListener("abort", aborted);
        resolve();
      });
      signal?.addEventListener("abort", aborted, { once: true });
    });
  };
}
