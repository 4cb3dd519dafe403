// pure

/** How often something may happen: `burst` times at once, and once more after every `refillMs`. */
export type Rate = { burst: number; refillMs: number };

/** Tokens of one thing at a time; none is kept for what never took one. */
export type Bucket = { tokens: number; atMs: number };

/** Takes a token, or says that there is none. Fractions of a token are kept, so frequent questions do not stop the refill. */
export function takeToken(
  bucket: Bucket | undefined,
  { burst, refillMs }: Rate,
  nowMs: number,
): Bucket & { taken: boolean } {
  const { tokens: left, atMs } = bucket ?? { tokens: burst, atMs: nowMs };
  const tokens = Math.min(burst, left + Math.max(0, nowMs - atMs) / refillMs);
  return tokens < 1 ? { tokens, atMs: nowMs, taken: false } : { tokens: tokens - 1, atMs: nowMs, taken: true };
}
