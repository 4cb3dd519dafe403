// pure
import { WasmReader } from "./wasm-binary.ts";
import { readInstruction } from "./wasm-instructions.ts";

/** i32, i64, f32, f64, funcref, externref: what JavaScript can read from a global and write back. */
const plainTypes = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x70, 0x6f]);
const maxGlobals = 128;

/**
 * The indices of the globals that a module's own code can change, or undefined if a host cannot put them back: their type
 * has no JavaScript value, or they are absurdly many. `imported` globals come first in the index space.
 */
export function changeableGlobals(content: Uint8Array | undefined, imported: number): number[] | undefined {
  if (!content) return [];
  const reader = new WasmReader(content);
  const found: number[] = [];
  const count = reader.u32();
  for (let index = 0; index < count; index++) {
    const type = reader.bytes[reader.at] ?? 0;
    reader.skipValueType();
    if (reader.byte() === 1) {
      if (!plainTypes.has(type) || found.length === maxGlobals) return undefined;
      found.push(imported + index);
    }
    // A constant expression holds no blocks: its first `end` (0x0b) is its last instruction.
    while (readInstruction(reader) !== 0x0b) { /* read on */ }
  }
  return found;
}
