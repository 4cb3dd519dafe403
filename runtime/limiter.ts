// pure

/** Runs works in their turn. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>;

/** Runs at most `limit` of the given works at the same time. */
export function limiter(limit: number): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The turn passes on to the next, or ends.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
