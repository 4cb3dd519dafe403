// pure

/**
 * Objects as their JSON in UTF-8, by key, and the answer that lists them all. The answer is put together once after a
 * change, and then the objects are parts of it: each byte is held once.
 */
export class ObjectBytes {
  readonly #head: Uint8Array;
  readonly #tail: Uint8Array;
  readonly #objects = new Map<string, Uint8Array>();
  #size = 0;
  #joined: Uint8Array | undefined;
  #changes = 0;

  /** `head` and `tail` are what stands around the objects in the answer. */
  constructor({ head, tail }: { head: string; tail: string }) {
    this.#head = new TextEncoder().encode(head);
    this.#tail = new TextEncoder().encode(tail);
  }

  get count(): number {
    return this.#objects.size;
  }

  /** Bytes of all objects. */
  get size(): number {
    return this.#size;
  }

  /** Grows with every change of what is listed. */
  get changes(): number {
    return this.#changes;
  }

  put(key: string, json: string): void {
    const bytes = new TextEncoder().encode(json), former = this.#objects.get(key);
    if (former !== undefined && areEqual(former, bytes)) return;
    this.#size += bytes.length - (former?.length ?? 0);
    this.#objects.set(key, bytes);
    this.#changed();
  }

  drop(key: string): void {
    const former = this.#objects.get(key);
    if (former === undefined) return;
    this.#size -= former.length;
    this.#objects.delete(key);
    this.#changed();
  }

  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of [...this.#objects.keys()]) if (!keys.has(key)) this.drop(key);
  }

  clear(): void {
    this.#objects.clear();
    this.#size = 0;
    this.#changed();
  }

  /** Every object by its key; treat the bytes as read-only. */
  entries(): Iterable<[string, Uint8Array]> {
    return this.#objects;
  }

  /** Length of the answer in bytes. */
  get joinedSize(): number {
    return this.#head.length + this.#size + Math.max(0, this.#objects.size - 1) + this.#tail.length;
  }

  /** The answer; treat it as read-only. */
  joined(): Uint8Array {
    if (this.#joined !== undefined) return this.#joined;
    const whole = new Uint8Array(this.joinedSize);
    whole.set(this.#head);
    let at = this.#head.length;
    for (const [key, bytes] of this.#objects) {
      if (at > this.#head.length) whole[at++] = comma;
      whole.set(bytes, at);
      this.#objects.set(key, whole.subarray(at, at + bytes.length));
      at += bytes.length;
    }
    whole.set(this.#tail, at);
    this.#joined = whole;
    return whole;
  }

  #changed(): void {
    this.#joined = undefined;
    this.#changes++;
  }
}

const comma = 0x2c;

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}
