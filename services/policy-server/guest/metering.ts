// pure
import { KubewardenError } from "../../../contracts/errors.ts";
import { concat, moduleOf, type Section, sectionsOf, sleb, uleb, WasmReader } from "./wasm-binary.ts";
import { isBulk, isCall, loopOpcode, readInstruction } from "./wasm-instructions.ts";
import { boundedMemories, boundedTables, readLimits, refuseTooLarge } from "./wasm-limits.ts";

/**
 * Makes a guest interruptible and bounds its memory, on every runtime and without killing its thread. Each loop header
 * and each entry of a function that calls others counts down a global; at zero a new function asks the host through a
 * table that only the host can see (`checkTable`), and traps when the host says the time is over. A trap, unlike an
 * exception, cannot be caught by a guest.
 *
 * Everything new stands *behind* what the module has (types, functions, tables, globals), so no index of the module
 * changes and none of its own code can name the new parts. Custom sections are dropped.
 */
export type MeteringOptions = {
  /** Upper bound of every memory, in pages of 64 KiB. A module that starts with more throws `MODULE_UNSUPPORTED`. */
  readonly maxMemoryPages: number;
};

/** Export name of the table whose entry 0 is the host's check, of type `() -> i32`; not zero means stop. */
export const checkTable = "kubewarden-edge:check";
/** Export name of the global that is counted down (`i32`). */
export const fuelGlobal = "kubewarden-edge:fuel";

/** Counted entries and loop iterations between two looks at the clock: well below a millisecond of guest code. */
const budget = 50_000;
/** What one bulk instruction counts for: it may fill all of a guest's memory, some milliseconds. */
const bulkCost = 5_000;
/** What a start section may use: it runs while the module is instantiated, before the host can put its check in. */
const startBudget = 200_000_000;

const id = { type: 1, import: 2, function: 3, table: 4, memory: 5, tag: 13, global: 6, export: 7, code: 10 };
/** The order in which sections stand, by id (WebAssembly core specification, binary format, modules). */
const sectionOrder = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

/** Rewrites a module that `WebAssembly.validate` accepts; throws `MODULE_UNSUPPORTED` for one that cannot be bounded. */
export function meterModule(wasm: Uint8Array, options: MeteringOptions): Uint8Array {
  const sections = new Map(sectionsOf(wasm).filter((each) => each.id !== 0).map((each) => [each.id, each.content]));
  const imports = importCounts(sections.get(id.import), options);
  const types = typeCount(sections.get(id.type));
  const functions = imports.functions + vectorLength(sections.get(id.function));
  const tables = imports.tables + vectorLength(sections.get(id.table));
  const globals = imports.globals + vectorLength(sections.get(id.global));

  const check = { type: types, table: tables };
  const refill = { type: types + 1, function: functions };
  append(sections, id.type, [0x60, 0, 1, 0x7f], [0x60, 0, 0]);
  append(sections, id.function, uleb(refill.type));
  append(sections, id.global, [0x7f, 1, 0x41, ...sleb(startBudget), 0x0b]);
  appendExport(sections, checkTable, 1, check.table);
  appendExport(sections, fuelGlobal, 3, globals);
  const ownTables = sections.get(id.table);
  if (ownTables) sections.set(id.table, boundedTables(ownTables));
  append(sections, id.table, [0x70, 1, 1, 1]);
  const memory = sections.get(id.memory);
  if (memory) sections.set(id.memory, boundedMemories(memory, options));
  sections.set(id.code, meteredCode(sections.get(id.code), { fuel: globals, refill: refill.function, check }));

  const ordered = [...sections].map(([id, content]): Section => ({ id, content }));
  return moduleOf(ordered.sort((a, b) => sectionOrder.indexOf(a.id) - sectionOrder.indexOf(b.id)));
}

type Parts = { fuel: number; refill: number; check: { type: number; table: number } };

function meteredCode(code: Uint8Array | undefined, parts: Parts): Uint8Array {
  const reader = new WasmReader(code ?? Uint8Array.of(0));
  const count = reader.u32();
  const added = { countDown: countDownCode(parts), bulk: bulkCode(parts) };
  const out: Uint8Array[] = [Uint8Array.from(uleb(count + 1))];
  for (let i = 0; i < count; i++) {
    const body = reader.prefixed();
    const metered = meteredBody(body, added);
    out.push(Uint8Array.from(uleb(metered.length)), metered);
  }
  const refill = refillCode(parts);
  return concat([...out, Uint8Array.from(uleb(refill.length)), Uint8Array.from(refill)]);
}

type Added = { countDown: Uint8Array; bulk: Uint8Array };

function meteredBody(body: Uint8Array, { countDown, bulk }: Added): Uint8Array {
  const reader = new WasmReader(body);
  for (let locals = reader.u32(); locals > 0; locals--) {
    reader.skipLeb();
    reader.skipValueType();
  }
  const places: { at: number; code: Uint8Array }[] = [];
  const entry = reader.at;
  let calls = false;
  while (!reader.done) {
    const opcode = readInstruction(reader);
    if (opcode === loopOpcode) places.push({ at: reader.at, code: countDown });
    else if (isBulk(opcode)) places.push({ at: reader.at, code: bulk });
    else if (isCall(opcode)) calls = true;
  }
  // Code without end passes a loop header or enters a function that calls: a function that calls none needs no check.
  if (calls) places.unshift({ at: entry, code: countDown });
  const out: Uint8Array[] = [];
  let copied = 0;
  for (const { at, code } of places) {
    out.push(body.subarray(copied, at), code);
    copied = at;
  }
  out.push(body.subarray(copied));
  return concat(out);
}

/** `fuel -= bulkCost`; the next count down looks. */
function bulkCode({ fuel }: Parts): Uint8Array {
  const at = uleb(fuel);
  return Uint8Array.of(0x23, ...at, 0x41, ...sleb(bulkCost), 0x6b, 0x24, ...at);
}

/** `fuel -= 1; if (fuel < 0) refill()`: leaves the operand stack as it was. */
function countDownCode({ fuel, refill }: Parts): Uint8Array {
  const at = uleb(fuel);
  return Uint8Array.of(
    ...[0x23, ...at, 0x41, 1, 0x6b, 0x24, ...at], // global.get, i32.const 1, i32.sub, global.set
    ...[0x23, ...at, 0x41, 0, 0x48], // global.get, i32.const 0, i32.lt_s
    ...[0x04, 0x40, 0x10, ...uleb(refill), 0x0b], // if, call, end
  );
}

/** `if (check()) unreachable; fuel = budget`. */
function refillCode({ fuel, check }: Parts): number[] {
  return [
    0, // no locals
    ...[0x41, 0, 0x11, ...uleb(check.type), ...uleb(check.table)], // i32.const 0, call_indirect
    ...[0x04, 0x40, 0x00, 0x0b], // if, unreachable, end
    ...[0x41, ...sleb(budget), 0x24, ...uleb(fuel), 0x0b], // i32.const, global.set, end
  ];
}

/** Counts what a module imports, since imports come first in every index space; a memory import keeps its own limits. */
function importCounts(content: Uint8Array | undefined, options: MeteringOptions) {
  const counts = { functions: 0, tables: 0, globals: 0 };
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
      refuseTooLarge(readLimits(reader).minimum, options);
    } else if (kind === 3) {
      counts.globals++;
      reader.skipValueType();
      reader.skip(1);
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
function typeCount(content: Uint8Array | undefined): number {
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

function vectorLength(content: Uint8Array | undefined): number {
  return content ? new WasmReader(content).u32() : 0;
}

/** Adds entries behind those of a section that is a vector; makes the section where there is none. */
function append(sections: Map<number, Uint8Array>, section: number, ...entries: number[][]): void {
  const reader = new WasmReader(sections.get(section) ?? Uint8Array.of(0));
  const count = reader.u32() + entries.length;
  const rest = reader.bytes.subarray(reader.at);
  sections.set(section, concat([Uint8Array.from(uleb(count)), rest, Uint8Array.from(entries.flat())]));
}

function appendExport(sections: Map<number, Uint8Array>, name: string, kind: number, index: number): void {
  const reader = new WasmReader(sections.get(id.export) ?? Uint8Array.of(0));
  for (let left = reader.u32(); left > 0; left--) {
    if (new TextDecoder().decode(reader.prefixed()) === name) {
      throw new KubewardenError(
        "MODULE_UNSUPPORTED",
        `Cannot bound the module: it exports the reserved name "${name}"`,
      );
    }
    reader.skip(1);
    reader.skipLeb();
  }
  const bytes = new TextEncoder().encode(name);
  append(sections, id.export, [...uleb(bytes.length), ...bytes, kind, ...uleb(index)]);
}
