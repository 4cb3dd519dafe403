// pure
import { KubewardenError } from "../../../contracts/errors.ts";
import { concat, uleb, WasmReader } from "./wasm-binary.ts";
import { type MemoryBound, readLimits, refuseTooLarge } from "./wasm-limits.ts";

/** Section ids (WebAssembly core specification, binary format, modules). */
export const sectionId = {
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  tag: 13,
  global: 6,
  export: 7,
  code: 10,
};

/** Counts what a module imports, since imports come first in every index space; a memory import keeps its own limits. */
export function importCounts(content: Uint8Array | undefined, options: MemoryBound) {
  const counts = { functions: 0, tables: 0, globals: 0, mutableGlobals: 0, memories: 0 };
  if (!content) return counts;
  const reader = new WasmReader(content);
  for (let left = reader.u32(); left > 0; left--) {
    reader.prefixed();
    reader.prefixed();
    const kind = reader.byte();
    if (kind === 0) {
      counts.functions++;
      reader.skipLeb();
    } else if (kind === 1) {
      counts.tables++;
      reader.skipValueType();
      readLimits(reader);
    } else if (kind === 2) {
      counts.memories++;
      refuseTooLarge(readLimits(reader).minimum, options);
    } else if (kind === 3) {
      counts.globals++;
      reader.skipValueType();
      counts.mutableGlobals += reader.byte();
    } else if (kind === 4) {
      reader.skip(1);
      reader.skipLeb();
    } else {
      throw new KubewardenError("MODULE_UNSUPPORTED", `Cannot bound the module: unknown kind of import ${kind}`);
    }
  }
  return counts;
}

/** Types, not entries: a recursive group (0x4e) is one entry of several types. */
export function typeCount(content: Uint8Array | undefined): number {
  if (!content) return 0;
  const reader = new WasmReader(content);
  let types = 0;
  for (let left = reader.u32(); left > 0; left--) {
    let members = 1;
    if (reader.bytes[reader.at] === 0x4e) {
      reader.skip(1);
      members = reader.u32();
    }
    types += members;
    for (; members > 0; members--) skipSubtype(reader);
  }
  return types;
}

/** Structs and arrays are refused: they live in the engine's own heap, which nothing bounds on every runtime. */
function skipSubtype(reader: WasmReader): void {
  let form = reader.byte();
  if (form === 0x50 || form === 0x4f) {
    reader.skipLebs(reader.u32());
    form = reader.byte();
  }
  if (form !== 0x60) {
    throw new KubewardenError(
      "MODULE_UNSUPPORTED",
      `Cannot bound the module: it has a type that is not a function (0x${form.toString(16)})`,
    );
  }
  for (let list = 0; list < 2; list++) for (let left = reader.u32(); left > 0; left--) reader.skipValueType();
}

/** How many entries a section has that is a vector. */
export function vectorLength(content: Uint8Array | undefined): number {
  return content ? new WasmReader(content).u32() : 0;
}

/** Adds entries behind those of a section that is a vector; makes the section where there is none. */
export function append(sections: Map<number, Uint8Array>, section: number, ...entries: number[][]): void {
  const reader = new WasmReader(sections.get(section) ?? Uint8Array.of(0));
  const count = reader.u32() + entries.length;
  const rest = reader.bytes.subarray(reader.at);
  sections.set(section, concat([Uint8Array.from(uleb(count)), rest, Uint8Array.from(entries.flat())]));
}

/** Exports as name, kind and index; throws `MODULE_UNSUPPORTED` if the module uses one of the names. */
export function appendExports(sections: Map<number, Uint8Array>, added: (readonly [string, number, number])[]): void {
  const reader = new WasmReader(sections.get(sectionId.export) ?? Uint8Array.of(0));
  const names = new Set(added.map(([name]) => name));
  for (let left = reader.u32(); left > 0; left--) {
    const name = new TextDecoder().decode(reader.prefixed());
    if (names.has(name)) {
      throw new KubewardenError(
        "MODULE_UNSUPPORTED",
        `Cannot bound the module: it exports the reserved name "${name}"`,
      );
    }
    reader.skip(1);
    reader.skipLeb();
  }
  const entries = added.map(([name, kind, index]) => {
    const bytes = new TextEncoder().encode(name);
    return [...uleb(bytes.length), ...bytes, kind, ...uleb(index)];
  });
  append(sections, sectionId.export, ...entries);
}
