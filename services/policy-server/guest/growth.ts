// pure
import { sleb, uleb, WasmReader } from "./wasm-binary.ts";
import { readLimits } from "./wasm-limits.ts";

/**
 * Growth that can be taken back. A memory never shrinks, so a guest that is to be used again gets its memory's size from
 * a global: `memory.size` reads that, `memory.grow` becomes a call that counts it up and lets the memory itself grow only
 * where it has not grown before. What lies beyond the size is zero, as new memory is: whoever takes the guest back to
 * an earlier state sees to that (snapshot.ts).
 */
export type Growth = {
  /** Index of the global that holds the size in pages. */
  pages: number;
  /** Index of the function that grows, of type `(i32) -> i32`. */
  grow: number;
  startPages: number;
  maxPages: number;
};

/** The limits of the module's memory if its growth can be taken back: there is one, its own, addressed by 32 bits. */
export function growableMemory(content: Uint8Array | undefined): { startPages: number; maxPages: number } | undefined {
  if (!content) return undefined;
  const reader = new WasmReader(content);
  if (reader.u32() !== 1) return undefined;
  const { flags, minimum, maximum } = readLimits(reader);
  if (flags > 1 || maximum === undefined) return undefined;
  return { startPages: Number(minimum), maxPages: Number(maximum) };
}

/** `memory.size`. */
export function sizeCode({ pages }: Growth): Uint8Array {
  return Uint8Array.of(0x23, ...uleb(pages));
}

/** `memory.grow`. */
export function growCode({ grow }: Growth): Uint8Array {
  return Uint8Array.of(0x10, ...uleb(grow));
}

/** The body of the function that grows by its argument: the old size, or -1 past the maximum, as `memory.grow` says it. */
export function growBody({ pages, maxPages }: Growth): number[] {
  const size = [0x23, ...uleb(pages)];
  const minusOneBack = [0x04, 0x40, 0x41, 0x7f, 0x0f, 0x0b]; // if, i32.const -1, return, end
  const wanted = [...size, 0x20, 0, 0x6a]; // size + argument
  const missing = [...wanted, 0x3f, 0, 0x6b]; // wanted - memory.size
  return [
    ...[1, 1, 0x7f], // one local: the old size
    ...[...size, 0x21, 1],
    // argument > maximum - size, unsigned
    ...[0x20, 0, 0x41, ...sleb(maxPages), ...size, 0x6b, 0x4b, ...minusOneBack],
    // wanted > memory.size: the memory itself has to grow
    ...[...wanted, 0x3f, 0, 0x4b, 0x04, 0x40],
    ...[...missing, 0x40, 0, 0x41, 0x7f, 0x46, ...minusOneBack],
    0x0b,
    ...[...wanted, 0x24, ...uleb(pages)],
    ...[0x20, 1, 0x0b],
  ];
}
