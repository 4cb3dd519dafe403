// pure

/** What was made of copies of cluster objects: when each of them had changed that often. */
export type Made = { bytes: Uint8Array; of: ReadonlyMap<object, number> };

/**
 * The memory that the cluster's objects may take: copies of them, and what is made of these. What is made goes first,
 * the one used longest ago before the others: it can be made again, while a copy has to be listed again.
 */
export class ContextMemory {
  readonly maxBytes: number;
  /** The one that was used last is the last. */
  readonly #made = new Map<string, Made>();
  #madeBytes = 0;
  #copiedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Bytes of everything. */
  get bytes(): number {
    return this.#copiedBytes + this.#madeBytes;
  }

  /** Copies take so many bytes more. What is too much then, also after all that was made is gone, is theirs to end. */
  resizeCopies(bytesMore: number): void {
    this.#copiedBytes += bytesMore;
    this.#makeRoom();
  }

  get isOverfull(): boolean {
    return this.bytes > this.maxBytes;
  }

  /** What was made for a key, unless it had to go. */
  made(key: string): Made | undefined {
    const made = this.#made.get(key);
    if (made === undefined) return undefined;
    this.#made.delete(key);
    this.#made.set(key, made);
    return made;
  }

  /** Keeps what was made, in place of what was before; not if it does not fit in beside the copies. */
  keep(key: string, made: Made): void {
    this.#drop(key);
    if (this.#copiedBytes + made.bytes.length > this.maxBytes) return;
    this.#made.set(key, made);
    this.#madeBytes += made.bytes.length;
    this.#makeRoom();
  }

  /** Drops what was made of a copy that has ended. */
  forget(copy: object): void {
    for (const [key, { of }] of this.#made) if (of.has(copy)) this.#drop(key);
  }

  #makeRoom(): void {
    for (const key of this.#made.keys()) {
      if (!this.isOverfull) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    this.#madeBytes -= this.#made.get(key)?.bytes.length ?? 0;
    this.#made.delete(key);
  }
}
