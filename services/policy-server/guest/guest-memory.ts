/** Bytes of a guest's memory, not a copy. Wasm addresses are unsigned, JavaScript sees them signed. Throws RangeError. */
export function bytesAt(memory: WebAssembly.Memory, pointer: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(memory.buffer as ArrayBuffer, pointer >>> 0, length >>> 0);
}

/** Text of a guest's memory; throws TypeError for what is not UTF-8. */
export function textAt(memory: WebAssembly.Memory, pointer: number, length: number): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesAt(memory, pointer, length));
}

/** What an instance exports as its memory; throws an error if there is none. */
export function memoryOf({ exports: { memory } }: WebAssembly.Instance): WebAssembly.Memory {
  if (memory instanceof WebAssembly.Memory) return memory;
  throw new Error("memory not exported by wasm module");
}
