// pure
import { KubewardenError } from "../../../contracts/errors.ts";
import { uleb, WasmReader } from "./wasm-binary.ts";
import { readInstruction } from "./wasm-instructions.ts";

/** Upper bound of a memory, in pages of 64 KiB. */
export type MemoryBound = { readonly maxMemoryPages: number };

// Tables live in the engine's own heap, a word an entry. The function table of a large program has some 10 000 entries.
const maxTables = 16;
const maxStartEntries = 500_000n;
const maxGrownEntries = 65_536n;

type Limits = { flags: number; minimum: bigint; maximum: bigint | undefined };

/** Reads the limits of a memory or table. */
export function readLimits(reader: WasmReader): Limits {
  const flags = reader.byte();
  const minimum = reader.u64();
  return { flags, minimum, maximum: (flags & 1) === 1 ? reader.u64() : undefined };
}

/** A memory section whose memories cannot grow past the bound, which they share. */
export function boundedMemories(content: Uint8Array, options: MemoryBound): Uint8Array {
  const reader = new WasmReader(content);
  const count = reader.u32();
  const out = [...uleb(count)];
  const bound = BigInt(options.maxMemoryPages) / BigInt(Math.max(1, count));
  for (let i = 0; i < count; i++) {
    const { flags, minimum, maximum } = readLimits(reader);
    refuseTooLarge(minimum, { maxMemoryPages: Number(bound) });
    out.push(flags | 1, ...uleb(minimum), ...uleb(maximum !== undefined && maximum < bound ? maximum : bound));
  }
  return Uint8Array.from(out);
}

/** Throws `MODULE_UNSUPPORTED` for a memory that starts beyond the bound. */
export function refuseTooLarge(minimumPages: bigint, { maxMemoryPages }: MemoryBound): void {
  if (minimumPages <= BigInt(maxMemoryPages)) return;
  throw new KubewardenError(
    "MODULE_UNSUPPORTED",
    `Cannot load the module: it asks for ${minimumPages} pages of memory at the start, the limit is ${maxMemoryPages}`,
  );
}

/** A table section whose tables are few and cannot grow far. Throws `MODULE_UNSUPPORTED` if they start too large. */
export function boundedTables(content: Uint8Array): Uint8Array {
  const reader = new WasmReader(content);
  const count = reader.u32();
  const out = [...uleb(count)];
  let entries = 0n;
  for (let i = 0; i < count; i++) {
    const start = reader.at;
    const hasInitialiser = reader.bytes[start] === 0x40;
    if (hasInitialiser) reader.skip(2);
    reader.skipValueType();
    out.push(...reader.bytes.subarray(start, reader.at));
    const { flags, minimum, maximum } = readLimits(reader);
    const bound = minimum > maxGrownEntries ? minimum : maxGrownEntries;
    entries += minimum;
    out.push(flags | 1, ...uleb(minimum), ...uleb(maximum !== undefined && maximum < bound ? maximum : bound));
    const initialiser = reader.at;
    // A constant expression holds no blocks: its first `end` (0x0b) is its last instruction.
    while (hasInitialiser && readInstruction(reader) !== 0x0b) { /* read on */ }
    out.push(...reader.bytes.subarray(initialiser, reader.at));
  }
  if (count <= maxTables && entries <= maxStartEntries) return Uint8Array.from(out);
  throw new KubewardenError(
    "MODULE_UNSUPPORTED",
    `Cannot load the module: it has ${count} tables of ${entries} entries, the limit is ${maxTables} of ${maxStartEntries}`,
  );
}
