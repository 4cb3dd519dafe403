import { messageOf } from "../../../contracts/errors.ts";
import { Random } from "./random.ts";

/** What a run depends on; a failure names it. Change it with FUZZ_SEED, the number of cases of every test with FUZZ_RUNS. */
const seed = Number(process.env["FUZZ_SEED"] ?? 20_261_126);
const runs = process.env["FUZZ_RUNS"] === undefined ? undefined : Number(process.env["FUZZ_RUNS"]);

// Far beyond what any case needs, even on a busy machine.
const patienceMs = 60_000;

export type Cases = {
  count: number;
  /** Cases at the same time. */
  atOnce?: number;
};

/**
 * Runs a check on many cases, each with choices of its own. Throws for the first case that fails or does not come to an
 * end, with what it takes to run it again.
 */
export async function forCases(
  { count, atOnce = 1 }: Cases,
  check: (random: Random, index: number) => Promise<void> | void,
): Promise<void> {
  const total = runs ?? count;
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let index = next++; index < total; index = next++) {
      try {
        await inTime(check(new Random(seed + 0x1_0000 * index), index));
      } catch (error) {
        throw new Error(`case ${index} of FUZZ_SEED=${seed}: ${messageOf(error)}`, { cause: error });
      }
    }
  }));
}

async function inTime(work: Promise<void> | void): Promise<void> {
  if (work === undefined) return;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`did not end within ${patienceMs} ms`)), patienceMs);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Shows a text in a message: its start, and how long it is. */
export function shown(text: string | Uint8Array): string {
  const whole = typeof text === "string" ? text : new TextDecoder("latin1").decode(text);
  return whole.length <= 600 ? JSON.stringify(whole) : `${JSON.stringify(whole.slice(0, 600))}... (${whole.length})`;
}
