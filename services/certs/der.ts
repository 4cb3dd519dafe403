// pure

/** The little DER that private keys need: elements with a tag of one byte, up to 64 KiB. Everything throws `RangeError`. */
export const tag = { integer: 0x02, octetString: 0x04, null: 0x05, oid: 0x06, sequence: 0x30, parameters: 0xa0 };

/** One element around other bytes. */
export function element(kind: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([kind, ...size, ...parts.flatMap((part) => [...part])]);
}

/** Content of the one element that `bytes` holds. */
export function content(bytes: Uint8Array, kind: number): Uint8Array {
  const { start, end } = measure(bytes, 0);
  if (bytes[0] !== kind || end !== bytes.length) throw new RangeError("unexpected DER structure");
  return bytes.subarray(start, end);
}

/** The elements that follow one another in `bytes`, each with its tag. */
export function elements(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const { end } = measure(bytes, at);
    found.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
}

export function sameBytes(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((byte, index) => byte === b[index]);
}

function measure(bytes: Uint8Array, at: number): { start: number; end: number } {
  const first = bytes[at + 1] ?? 0xff;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 2) throw new RangeError("DER element is too long");
  const start = at + 2 + lengthBytes;
  const length = lengthBytes === 0 ? first : bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
  if (start + length > bytes.length) throw new RangeError("DER element is cut off");
  return { start, end: start + length };
}
