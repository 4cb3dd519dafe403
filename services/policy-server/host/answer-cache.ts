import { abortable } from "../../../runtime/abortable.ts";
import type { AnswerBytes } from "./answer.ts";

type Limits = {
  ttlMs: number;
  maxEntries: number;
  maxBytes: number;
  /** Milliseconds that only grow. */
  now?: () => number;
};
type Entry = {
  work: Promise<AnswerBytes>;
  stop: AbortController;
  waiting: number;
  /** Once it is known; undefined: the work runs. */
  answer?: { bytes: number; expiresAt: number };
};

/**
 * Answers for a while what has just been answered. Who asks the same meanwhile waits for the same work, which ends when
 * nobody waits any more; nobody waits for the work of another question. Failures are not kept. What is oldest makes room.
 */
export class AnswerCache {
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#now = limits.now ?? (() => performance.now());
  }

  get size(): number {
    return this.#entries.size;
  }

  async get(
    key: string,
    { signal, make }: { signal: AbortSignal; make: (signal: AbortSignal) => Promise<AnswerBytes> },
  ): Promise<AnswerBytes> {
    signal.throwIfAborted();
    this.#dropExpired();
    const entry = this.#entries.get(key) ?? this.#start(key, make);
    if (entry.answer !== undefined) return await entry.work;
    entry.waiting++;
    try {
      return await abortable(entry.work, signal);
    } finally {
      if (--entry.waiting === 0 && entry.answer === undefined) {
        this.#drop(key, entry);
        entry.stop.abort(signal.reason);
      }
    }
  }

  #start(key: string, make: (signal: AbortSignal) => Promise<AnswerBytes>): Entry {
    const stop = new AbortController();
    const entry: Entry = { work: make(stop.signal), stop, waiting: 0 };
    this.#entries.set(key, entry);
    entry.work.then((bytes) => this.#keep(key, entry, bytes.length), () => this.#drop(key, entry));
    return entry;
  }

  #keep(key: string, entry: Entry, bytes: number): void {
    if (this.#entries.get(key) !== entry) return;
    // To the end, so that the entries that expire first come first.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.answer = { bytes, expiresAt: this.#now() + this.#limits.ttlMs };
    this.#bytes += bytes;
    for (const [oldest, each] of this.#entries) {
      if (this.#bytes <= this.#limits.maxBytes && this.#entries.size <= this.#limits.maxEntries) return;
      if (each.answer !== undefined) this.#drop(oldest, each);
    }
  }

  #dropExpired(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.answer === undefined) continue;
      if (entry.answer.expiresAt > this.#now()) return;
      this.#drop(key, entry);
    }
  }

  #drop(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.answer?.bytes ?? 0;
  }
}
