/** Remembers since when something is as it is. */
export type Memory = {
  /** Since when `key` has that value, which is now the first time; no value forgets it. */
  since(key: string, value: string | undefined): Date | undefined;
};

/** A restart forgets, and what waits for time to pass waits once more: that costs nothing but time. */
export function createMemory(now: () => Date): Memory {
  const known = new Map<string, { value: string; since: Date }>();
  return {
    since(key, value) {
      const before = known.get(key);
      if (value === undefined) {
        known.delete(key);
        return undefined;
      }
      if (before?.value === value) return before.since;
      const since = now();
      known.set(key, { value, since });
      return since;
    },
  };
}
