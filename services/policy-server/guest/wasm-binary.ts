// pure

/** A cursor over a WebAssembly binary. It trusts the bytes: run it only on a module that `WebAssembly.validate` accepts. */
export class WasmReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  /** Unsigned LEB128 that fits 32 bits. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  /** Unsigned LEB128 of up to 64 bits. */
  u64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  /** Moves past a LEB128 of any width and sign. */
  skipLeb(): void {
    while (this.byte() >= 0x80) { /* the last byte of a LEB128 has its high bit clear */ }
  }

  skip(count: number): void {
    this.at += count;
  }

  /** Moves past `count` LEB128 numbers. */
  skipLebs(count: number): void {
    for (let i = 0; i < count; i++) this.skipLeb();
  }

  /** Length-prefixed bytes: a name, or the content of a section. */
  prefixed(): Uint8Array {
    const length = this.u32();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Moves past a value type; typed references carry a heap type. */
  skipValueType(): void {
    const type = this.byte();
    if (type === 0x63 || type === 0x64) this.skipLeb();
  }
}

export type Section = { id: number; content: Uint8Array };

/** The sections of a module in order, custom sections (id 0) included. */
export function sectionsOf(wasm: Uint8Array): Section[] {
  const reader = new WasmReader(wasm, 8);
  const sections: Section[] = [];
  while (!reader.done) sections.push({ id: reader.byte(), content: reader.prefixed() });
  return sections;
}

/** Puts sections behind the magic number and version 1. */
export function moduleOf(sections: readonly Section[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)];
  for (const { id, content } of sections) parts.push(Uint8Array.of(id, ...uleb(content.length)), content);
  return concat(parts);
}

/** Unsigned LEB128. */
export function uleb(value: number | bigint): number[] {
  const out: number[] = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return out;
}

/** Signed LEB128, for `i32.const`. */
export function sleb(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (true) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...out, low];
    out.push(low | 0x80);
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
