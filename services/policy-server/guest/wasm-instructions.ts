// pure
import { KubewardenError } from "../../../contracts/errors.ts";
import { WasmReader } from "./wasm-binary.ts";

export const loopOpcode = 0x03;

/** call, call_indirect, call_ref and their tail forms. */
export function isCall(opcode: number): boolean {
  return opcode >= 0x10 && opcode <= 0x15;
}

/** What `readInstruction` returns for an instruction whose work grows with its operands: fill, copy and the like. */
const bulkOpcode = 0xfc00;

/** Instructions on whole ranges of a memory or table. */
export function isBulk(opcode: number): boolean {
  return opcode === bulkOpcode;
}

/**
 * Whether the instruction at a place changes a table, or drops a segment of data or elements: state of an instance that
 * lies neither in its memory nor in its globals.
 */
export function changesTables(code: Uint8Array, at: number): boolean {
  if (code[at] === 0x26) return true; // table.set
  if (code[at] !== 0xfc) return false;
  const opcode = new WasmReader(code, at + 1).u32();
  return opcode === 9 || (opcode >= 12 && opcode <= 15) || opcode === 17;
}

/**
 * Reads one instruction with its immediates and returns its opcode. Covers WebAssembly 3.0 (SIMD, tail calls, exceptions,
 * typed references, garbage collection, memory64, several memories), threads and the older exceptions.
 * An instruction it does not know throws `MODULE_UNSUPPORTED`: what cannot be read cannot be bounded.
 */
export function readInstruction(reader: WasmReader): number {
  const opcode = reader.byte();
  if (opcode >= 0x45 && opcode <= 0xc4) return opcode;
  if (opcode >= 0x28 && opcode <= 0x3e) skipMemoryArgument(reader);
  else if (opcode === 0xfc) return readBulk(reader);
  else if (opcode >= 0xfb && opcode <= 0xfe) skipPrefixed(reader, opcode);
  else skipImmediates(reader, opcode);
  return opcode;
}

function skipImmediates(reader: WasmReader, opcode: number): void {
  switch (opcode) {
    case 0x00: // unreachable
    case 0x01: // nop
    case 0x05: // else
    case 0x0a: // throw_ref
    case 0x0b: // end
    case 0x0f: // return
    case 0x19: // catch_all
    case 0x1a: // drop
    case 0x1b: // select
    case 0xd1: // ref.is_null
    case 0xd3: // ref.eq
    case 0xd4: // ref.as_non_null
      return;
    case 0x02: // block
    case 0x03: // loop
    case 0x04: // if
    case 0x06: // try
      return skipBlockType(reader);
    case 0x07: // catch
    case 0x08: // throw
    case 0x09: // rethrow
    case 0x0c: // br
    case 0x0d: // br_if
    case 0x10: // call
    case 0x12: // return_call
    case 0x14: // call_ref
    case 0x15: // return_call_ref
    case 0x18: // delegate
    case 0x20: // local.get
    case 0x21: // local.set
    case 0x22: // local.tee
    case 0x23: // global.get
    case 0x24: // global.set
    case 0x25: // table.get
    case 0x26: // table.set
    case 0x3f: // memory.size
    case 0x40: // memory.grow
    case 0x41: // i32.const
    case 0x42: // i64.const
    case 0xd0: // ref.null
    case 0xd2: // ref.func
    case 0xd5: // br_on_null
    case 0xd6: // br_on_non_null
      return reader.skipLeb();
    case 0x11: // call_indirect
    case 0x13: // return_call_indirect
      return reader.skipLebs(2);
    case 0x0e: // br_table
      return reader.skipLebs(reader.u32() + 1);
    case 0x1c: // select with types
      return skipTimes(reader.u32(), () => reader.skipValueType());
    case 0x1f: // try_table
      skipBlockType(reader);
      return skipTimes(reader.u32(), () => reader.skipLebs(reader.byte() < 2 ? 2 : 1));
    case 0x43: // f32.const
      return reader.skip(4);
    case 0x44: // f64.const
      return reader.skip(8);
    default:
      throw unknown(opcode);
  }
}

function skipPrefixed(reader: WasmReader, prefix: number): void {
  const opcode = reader.u32();
  if (prefix === 0xfb) return skipGarbageCollection(reader, opcode);
  if (prefix === 0xfd) return skipVector(reader, opcode);
  if (opcode === 0x03) return reader.skip(1); // atomic.fence
  if (opcode <= 0x4e) return skipMemoryArgument(reader);
  throw unknown(prefix, opcode);
}

function readBulk(reader: WasmReader): number {
  const opcode = reader.u32();
  if (opcode <= 7 || (opcode >= 19 && opcode <= 22)) return 0xfc; // saturating truncation, wide arithmetic
  if (opcode === 9 || opcode === 13 || opcode === 16) reader.skipLeb(); // data.drop, elem.drop, table.size
  else if (opcode === 11 || opcode === 15 || opcode === 17) reader.skipLeb(); // memory.fill, table.grow, table.fill
  else if (opcode === 8 || opcode === 10 || opcode === 12 || opcode === 14) reader.skipLebs(2); // init and copy
  else throw unknown(0xfc, opcode);
  return opcode === 9 || opcode === 13 || opcode === 16 ? 0xfc : bulkOpcode;
}

function skipVector(reader: WasmReader, opcode: number): void {
  if (opcode <= 0x0b || opcode === 0x5c || opcode === 0x5d) return skipMemoryArgument(reader);
  if (opcode === 0x0c || opcode === 0x0d) return reader.skip(16);
  if (opcode >= 0x15 && opcode <= 0x22) return reader.skip(1);
  if (opcode >= 0x54 && opcode <= 0x5b) {
    skipMemoryArgument(reader);
    return reader.skip(1);
  }
  if (opcode > 0x113) throw unknown(0xfd, opcode);
}

function skipGarbageCollection(reader: WasmReader, opcode: number): void {
  switch (opcode) {
    case 15: // array.len
    case 26: // any.convert_extern
    case 27: // extern.convert_any
    case 28: // ref.i31
    case 29: // i31.get_s
    case 30: // i31.get_u
      return;
    case 0: // struct.new
    case 1: // struct.new_default
    case 6: // array.new
    case 7: // array.new_default
    case 11: // array.get
    case 12: // array.get_s
    case 13: // array.get_u
    case 14: // array.set
    case 16: // array.fill
    case 20: // ref.test
    case 21: // ref.test null
    case 22: // ref.cast
    case 23: // ref.cast null
      return reader.skipLeb();
    case 2: // struct.get
    case 3: // struct.get_s
    case 4: // struct.get_u
    case 5: // struct.set
    case 8: // array.new_fixed
    case 9: // array.new_data
    case 10: // array.new_elem
    case 17: // array.copy
    case 18: // array.init_data
    case 19: // array.init_elem
      return reader.skipLebs(2);
    case 24: // br_on_cast
    case 25: // br_on_cast_fail
      reader.skip(1);
      return reader.skipLebs(3);
    default:
      throw unknown(0xfb, opcode);
  }
}

/** Alignment, then a memory index when bit 6 of it is set, then the offset. */
function skipMemoryArgument(reader: WasmReader): void {
  if ((reader.u32() & 0x40) !== 0) reader.skipLeb();
  reader.skipLeb();
}

/** Empty (0x40), a value type, or a type index as a signed LEB128. */
function skipBlockType(reader: WasmReader): void {
  const first = reader.bytes[reader.at] ?? 0;
  if (first === 0x63 || first === 0x64) reader.skipValueType();
  else reader.skipLeb();
}

function skipTimes(count: number, skipOne: () => void): void {
  for (let i = 0; i < count; i++) skipOne();
}

function unknown(...opcode: number[]): KubewardenError {
  const name = opcode.map((each) => `0x${each.toString(16)}`).join(" ");
  return new KubewardenError("MODULE_UNSUPPORTED", `Cannot bound the module: unknown instruction ${name}`);
}
