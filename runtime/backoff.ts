/** Exponential: `minMs * 2^attempt` up to `maxMs`, then shortened by up to half at random so that callers spread out. */
export function backoffMs(
  attempt: number,
  { minMs, maxMs, random = Math.random }: { minMs: number; maxMs: number; random?: () => number },
): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30)) * (1 - random() / 2);
}
