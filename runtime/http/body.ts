import type { Readable } from "node:stream";

/** Bytes that bodies of all requests of a server may take up at the same time. */
export class ByteBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** A request that ends before its handler: too large, too slow, or one too many for the memory there is. */
export type BodyRefusal = 408 | 413 | 503;

export type BodyLimits = { maxBytes: number; timeoutMs: number; budget: ByteBudget };

const firstCapacity = 64 * 1024;

/**
 * A body as it arrives. Its memory grows with what has arrived (not with what was announced, which costs a client
 * nothing), and one buffer holds it: a body that comes byte by byte must not become millions of small objects.
 */
export class BodyBuffer {
  readonly #budget: ByteBudget;
  readonly #declared: number;
  #bytes = new Uint8Array();
  #size = 0;

  constructor(budget: ByteBudget, declared = Infinity) {
    this.#budget = budget;
    this.#declared = declared;
  }

  get size(): number {
    return this.#size;
  }

  /** False if the budget has no room for it. */
  add(chunk: Uint8Array): boolean {
    const size = this.#size + chunk.length;
    if (size > this.#bytes.length) {
      const capacity = Math.max(size, Math.min(this.#declared, Math.max(firstCapacity, 2 * this.#bytes.length)));
      if (!this.#budget.take(capacity - this.#bytes.length)) return false;
      const larger = new Uint8Array(capacity);
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#size);
    this.#size = size;
    return true;
  }

  whole(): Uint8Array<ArrayBuffer> {
    return this.#size === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#size);
  }

  /** Gives the memory back to the budget. */
  release(): void {
    this.#budget.give(this.#bytes.length);
    this.#bytes = new Uint8Array();
    this.#size = 0;
  }
}

/**
 * Reads a body to its end into the buffer. "dropped" when the client left before the end, which may still look like one:
 * a broken HTTP/2 connection can end a stream in the middle of a body.
 */
export function readBody(
  { source, declared, isWhole }: { source: Readable; declared: number | undefined; isWhole: () => boolean },
  { buffer, maxBytes, timeoutMs }: { buffer: BodyBuffer; maxBytes: number; timeoutMs: number },
): Promise<"whole" | "dropped" | BodyRefusal> {
  if (declared !== undefined && declared > maxBytes) return Promise.resolve(413);
  return new Promise((resolve) => {
    const timer = setTimeout(() => done(408), timeoutMs);
    const done = (outcome: "whole" | "dropped" | BodyRefusal) => {
      clearTimeout(timer);
      source.off("data", take);
      resolve(outcome);
    };
    const take = (chunk: Uint8Array) => {
      if (buffer.size + chunk.length > maxBytes) done(413);
      else if (!buffer.add(chunk)) done(503);
    };
    source.on("data", take);
    source.on("end", () => done(isWhole() && (declared ?? buffer.size) === buffer.size ? "whole" : "dropped"));
    source.on("error", () => done("dropped"));
    source.on("close", () => done("dropped"));
  });
}
