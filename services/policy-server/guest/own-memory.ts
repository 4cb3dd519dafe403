// pure
import { concat, uleb, WasmReader } from "./wasm-binary.ts";
import { readLimits } from "./wasm-limits.ts";
import { sectionId, vectorLength } from "./wasm-sections.ts";

/** With what the host of a Rego module starts at least, in pages (reference/policy-server.md 6.1.1). */
const leastPages = 5n;

/**
 * Makes a module's imported memories its own, so that they are bounded and can be taken back as any other's. Memories
 * keep their indices: imported ones come first, and so do these.
 */
export function ownImportedMemories(sections: Map<number, Uint8Array>): void {
  const imports = sections.get(sectionId.import);
  if (imports === undefined) return;
  const reader = new WasmReader(imports);
  const kept: Uint8Array[] = [], memories: number[][] = [];
  for (let left = reader.u32(); left > 0; left--) {
    const start = reader.at;
    reader.prefixed();
    reader.prefixed();
    const kind = reader.byte();
    if (kind === 2) {
      const { flags, minimum, maximum } = readLimits(reader);
      const pages = minimum > leastPages || (maximum ?? leastPages) < leastPages ? minimum : leastPages;
      memories.push([flags, ...uleb(pages), ...(maximum === undefined ? [] : uleb(maximum))]);
      continue;
    }
    if (kind === 0) reader.skipLeb();
    else if (kind === 4) reader.skipLebs(2);
    else {
      reader.skipValueType();
      if (kind === 1) readLimits(reader);
      else reader.skip(1);
    }
    kept.push(reader.bytes.subarray(start, reader.at));
  }
  if (memories.length === 0) return;
  sections.set(sectionId.import, concat([Uint8Array.from(uleb(kept.length)), ...kept]));
  const own = sections.get(sectionId.memory);
  const ownCount = vectorLength(own);
  const rest = own?.subarray(uleb(ownCount).length) ?? new Uint8Array();
  sections.set(
    sectionId.memory,
    concat([Uint8Array.from([...uleb(ownCount + memories.length), ...memories.flat()]), rest]),
  );
}
