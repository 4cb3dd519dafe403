/** Where a guest reads from: at most so many bytes, none at its end for now. */
export type InputStream = { read(size: number): Uint8Array<ArrayBuffer> };
export type OutputStream = { write(bytes: Uint8Array): void };

/** Standard input that is at its end. */
export const noInput: InputStream = { read: () => new Uint8Array() };

/** Output whose text is handed on, a line at a time. */
export function printed(print: (text: string) => void): OutputStream {
  const decoder = new TextDecoder();
  return { write: (bytes) => print(decoder.decode(bytes, { stream: true })) };
}

/** Input that the host adds to while the guest runs: reading past what is there finds the end, until more is there. */
export class InputPipe implements InputStream {
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];

  push(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#chunks.push(Uint8Array.from(bytes));
  }

  read(size: number): Uint8Array<ArrayBuffer> {
    const [first] = this.#chunks;
    if (first === undefined) return new Uint8Array();
    if (first.length > size) this.#chunks[0] = first.subarray(size);
    else this.#chunks.shift();
    return first.subarray(0, size);
  }
}

/** Output that is kept: what goes past `maxBytes` is refused by what `full` throws, or dropped if it does not. */
export class OutputBuffer implements OutputStream {
  readonly #maxBytes: number;
  readonly #full: () => void;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number, full: () => void = () => {}) {
    this.#maxBytes = maxBytes;
    this.#full = full;
  }

  write(bytes: Uint8Array): void {
    const fits = bytes.subarray(0, this.#maxBytes - this.#size);
    this.#chunks.push(fits);
    this.#size += fits.length;
    if (fits.length < bytes.length) this.#full();
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [all];
    return all;
  }
}
