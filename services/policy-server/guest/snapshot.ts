import { globalPrefix, memoryExport } from "./metering.ts";

/** Past this, putting a memory back costs more than a new instance. */
const maxKeptBytes = 16 * 1024 * 1024;

/**
 * All that a guest can change, as it was: its memory with its size, and its globals. A metered module whose code could
 * change more than that (tables, passive segments) does not export what is needed here and is never taken back.
 */
export class Snapshot {
  readonly #memory: WebAssembly.Memory;
  readonly #bytes: Uint8Array;
  readonly #globals: readonly [WebAssembly.Global, unknown][];

  private constructor(memory: WebAssembly.Memory, globals: readonly WebAssembly.Global[]) {
    this.#memory = memory;
    this.#bytes = new Uint8Array(memory.buffer).slice();
    this.#globals = globals.map((each) => [each, each.value]);
  }

  /** The present state of an instance, or undefined if it cannot be put back or is too large to keep. */
  static of({ exports }: WebAssembly.Instance): Snapshot | undefined {
    const memory = exports[memoryExport];
    if (!(memory instanceof WebAssembly.Memory) || memory.buffer.byteLength > maxKeptBytes) return undefined;
    const globals = Object.entries(exports).filter(([name]) => name.startsWith(globalPrefix)).map(([, each]) => each);
    return new Snapshot(memory, globals as WebAssembly.Global[]);
  }

  /** What the instance and this copy hold, in bytes. */
  get heldBytes(): number {
    return this.#memory.buffer.byteLength + this.#bytes.length;
  }

  /** Puts everything back; false if the memory has grown so much that the instance is better thrown away. */
  restore(): boolean {
    const now = new Uint8Array(this.#memory.buffer);
    if (now.length > maxKeptBytes) return false;
    now.set(this.#bytes);
    // Also where the guest's own size ends: code that writes beyond it must not leave anything there.
    now.fill(0, this.#bytes.length);
    for (const [global, value] of this.#globals) global.value = value;
    return true;
  }
}
