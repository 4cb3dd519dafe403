// pure
import { growableMemory, growBody, growCode, type Growth, sizeCode } from "./growth.ts";
import { concat, moduleOf, type Section, sectionsOf, sleb, uleb, WasmReader } from "./wasm-binary.ts";
import { changeableGlobals } from "./wasm-globals.ts";
import { changesTables, isBulk, isCall, loopOpcode, readInstruction } from "./wasm-instructions.ts";
import { ownImportedMemories } from "./own-memory.ts";
import { boundedMemories, boundedTables } from "./wasm-limits.ts";
import { append, appendExports, importCounts, sectionId, typeCount, vectorLength } from "./wasm-sections.ts";

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
/**
 * Export name of the memory, and what the names of globals start with, in a module all of whose state can be put back
 * (snapshot.ts): every other module exports neither.
 */
export const memoryExport = "kubewarden-edge:memory";
export const globalPrefix = "kubewarden-edge:global:";

/** Counted entries and loop iterations between two looks at the clock: well below a millisecond of guest code. */
const budget = 50_000;
/** What one bulk instruction counts for: it may fill all of a guest's memory, some milliseconds. */
const bulkCost = 5_000;
/** What a start section may use: it runs while the module is instantiated, before the host can put its check in. */
const startBudget = 200_000_000;

/** The order in which sections stand, by id (WebAssembly core specification, binary format, modules). */
const sectionOrder = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

const memorySize = 0x3f, memoryGrow = 0x40;

/** Rewrites a module that `WebAssembly.validate` accepts; throws `MODULE_UNSUPPORTED` for one that cannot be bounded. */
export function meterModule(wasm: Uint8Array, options: MeteringOptions): Uint8Array {
  const sections = new Map(sectionsOf(wasm).filter((each) => each.id !== 0).map((each) => [each.id, each.content]));
  ownImportedMemories(sections);
  const imports = importCounts(sections.get(sectionId.import), options);
  const types = typeCount(sections.get(sectionId.type));
  const functions = imports.functions + vectorLength(sections.get(sectionId.function));
  const tables = imports.tables + vectorLength(sections.get(sectionId.table));
  const globals = imports.globals + vectorLength(sections.get(sectionId.global));

  const memory = sections.get(sectionId.memory);
  if (memory) sections.set(sectionId.memory, boundedMemories(memory, options));
  const growable = imports.memories === 0 ? growableMemory(sections.get(sectionId.memory)) : undefined;
  const growth = growable && { ...growable, pages: globals + 1, grow: functions + 1 };
  const check = { type: types, table: tables };
  const refill = { type: types + 1, function: functions };
  const { code, tablesChange } = meteredCode(sections.get(sectionId.code), {
    fuel: globals,
    refill: refill.function,
    check,
    growth,
  });
  sections.set(sectionId.code, code);
  const changeable = growth && !tablesChange && imports.mutableGlobals === 0
    ? changeableGlobals(sections.get(sectionId.global), imports.globals)
    : undefined;

  append(sections, sectionId.type, [0x60, 0, 1, 0x7f], [0x60, 0, 0], [0x60, 1, 0x7f, 1, 0x7f]);
  append(sections, sectionId.function, uleb(refill.type), ...(growth ? [uleb(types + 2)] : []));
  append(
    sections,
    sectionId.global,
    [0x7f, 1, 0x41, ...sleb(startBudget), 0x0b],
    ...(growth ? [[0x7f, 1, 0x41, ...sleb(growth.startPages), 0x0b]] : []),
  );
  appendExports(sections, [
    [checkTable, 1, check.table],
    [fuelGlobal, 3, globals],
    ...(growth && changeable
      ? [
        [memoryExport, 2, 0] as const,
        ...[...changeable, growth.pages].map((index) => [`${globalPrefix}${index}`, 3, index] as const),
      ]
      : []),
  ]);
  const ownTables = sections.get(sectionId.table);
  if (ownTables) sections.set(sectionId.table, boundedTables(ownTables));
  append(sections, sectionId.table, [0x70, 1, 1, 1]);

  const ordered = [...sections].map(([id, content]): Section => ({ id, content }));
  return moduleOf(ordered.sort((a, b) => sectionOrder.indexOf(a.id) - sectionOrder.indexOf(b.id)));
}

type Parts = { fuel: number; refill: number; check: { type: number; table: number }; growth: Growth | undefined };
type Added = { countDown: Uint8Array; bulk: Uint8Array; size: Uint8Array | undefined; grow: Uint8Array | undefined };

/** `tablesChange`: whether any code changes a table or drops a segment, which nobody could put back. */
function meteredCode(code: Uint8Array | undefined, parts: Parts): { code: Uint8Array; tablesChange: boolean } {
  const reader = new WasmReader(code ?? Uint8Array.of(0));
  const count = reader.u32();
  const { growth } = parts;
  const added = {
    countDown: countDownCode(parts),
    bulk: bulkCode(parts),
    size: growth && sizeCode(growth),
    grow: growth && growCode(growth),
  };
  const own = [refillCode(parts), ...(growth ? [growBody(growth)] : [])];
  const out: Uint8Array[] = [Uint8Array.from(uleb(count + own.length))];
  let tablesChange = false;
  for (let i = 0; i < count; i++) {
    const { body, changes } = meteredBody(reader.prefixed(), added);
    tablesChange ||= changes;
    out.push(Uint8Array.from(uleb(body.length)), body);
  }
  for (const body of own) out.push(Uint8Array.from(uleb(body.length)), Uint8Array.from(body));
  return { code: concat(out), tablesChange };
}

function meteredBody(body: Uint8Array, { countDown, bulk, size, grow }: Added): { body: Uint8Array; changes: boolean } {
  const reader = new WasmReader(body);
  for (let locals = reader.u32(); locals > 0; locals--) {
    reader.skipLeb();
    reader.skipValueType();
  }
  /** Code that goes in at a place, in the stead of what stands there up to `until`. */
  const places: { at: number; until: number; code: Uint8Array }[] = [];
  const entry = reader.at;
  let calls = false, changes = false;
  while (!reader.done) {
    const at = reader.at;
    const opcode = readInstruction(reader);
    const until = reader.at;
    if (opcode === loopOpcode) places.push({ at: until, until, code: countDown });
    else if (opcode === memorySize && size) places.push({ at, until, code: size });
    else if (opcode === memoryGrow && grow) places.push({ at, until, code: grow });
    else if (isBulk(opcode)) places.push({ at: until, until, code: bulk });
    else if (isCall(opcode)) calls = true;
    changes ||= changesTables(body, at);
  }
  // Code without end passes a loop header or enters a function that calls: a function that calls none needs no check.
  if (calls) places.unshift({ at: entry, until: entry, code: countDown });
  const out: Uint8Array[] = [];
  let copied = 0;
  for (const { at, until, code } of places) {
    out.push(body.subarray(copied, at), code);
    copied = until;
  }
  out.push(body.subarray(copied));
  return { body: concat(out), changes };
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
