import { backoffMs } from "../backoff.ts";
import { type Clock, systemClock } from "../clock.ts";

export type WorkQueueOptions = { clock?: Clock; random?: () => number; minBackoffMs?: number; maxBackoffMs?: number };

/**
 * Keys to look at. A key waits once however often it is added, is worked on by one worker at a time, and if it is added
 * meanwhile it comes again after that. First come, first served.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #backoff: { minMs: number; maxMs: number; random: () => number };
  /** Insertion order is the order of service. */
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { due: number; cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  readonly #workers: (() => void)[] = [];

  constructor(
    { clock = systemClock, random = Math.random, minBackoffMs = 100, maxBackoffMs = 30_000 }: WorkQueueOptions = {},
  ) {
    this.#clock = clock;
    this.#backoff = { minMs: minBackoffMs, maxMs: maxBackoffMs, random };
  }

  /** How many keys wait for a worker now. */
  get depth(): number {
    return this.#waiting.size;
  }

  add(key: string): void {
    if (this.#working.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#waiting.add(key);
    this.#workers.shift()?.();
  }

  /** Adds the key later; of several times the earliest counts, and work on the key in between cancels it. */
  addAfter(key: string, ms: number): void {
    const due = this.#clock.now() + ms;
    const known = this.#delayed.get(key);
    if (known && known.due <= due) return;
    known?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { due, cancel });
  }

  /** Adds the key after a time that doubles with each failure; returns that time. */
  retry(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const ms = backoffMs(failures, this.#backoff);
    this.addAfter(key, ms);
    return ms;
  }

  /** The work succeeded: the next failure starts from the shortest time. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Waits for a key and gives it to this worker until `done`. Rejects when aborted. */
  async next(signal: AbortSignal): Promise<string> {
    for (;;) {
      signal.throwIfAborted();
      const [key] = this.#waiting;
      if (key !== undefined) {
        this.#waiting.delete(key);
        this.#working.add(key);
        this.#delayed.get(key)?.cancel();
        this.#delayed.delete(key);
        return key;
      }
      await this.#somethingAdded(signal);
    }
  }

  done(key: string): void {
    this.#working.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Cancels every delayed key. */
  close(): void {
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
  }

  #somethingAdded(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        signal.removeEventListener("abort", aborted);
        resolve();
      };
      const aborted = () => {
        const index = this.#workers.indexOf(wake);
        if (index >= 0) this.#workers.splice(index, 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", aborted, { once: true });
      this.#workers.push(wake);
    });
  }
}
