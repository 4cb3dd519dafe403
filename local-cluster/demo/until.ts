import { setTimeout } from "node:timers/promises";
import { messageOf } from "../../contracts/errors.ts";

/** Thrown when something did not come in time; the message names what was waited for and what was seen last. */
export class NeverCame extends Error {
  override readonly name = "NeverCame";
}

export type UntilOptions = { limitMs: number; signal: AbortSignal; everyMs?: number };

/**
 * Waits until `look` gives `true`; anything else is kept as "what was seen last". A look that throws counts as not yet.
 */
export async function until(what: string, look: () => Promise<true | string>, options: UntilOptions): Promise<void> {
  const { limitMs, signal, everyMs = 100 } = options;
  const end = performance.now() + limitMs;
  let seen = "nothing yet";
  while (performance.now() < end) {
    signal.throwIfAborted();
    try {
      const found = await look();
      if (found === true) return;
      seen = found;
    } catch (error) {
      seen = messageOf(error);
    }
    await setTimeout(everyMs, undefined, { signal });
  }
  throw new NeverCame(`${what} never came within ${limitMs / 1000} s; last seen: ${seen}`);
}
