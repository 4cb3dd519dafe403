/** Time as an argument, so that tests own it. */
export type Clock = {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once after that many milliseconds; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    // Longer waits overflow to an immediate call.
    const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};
