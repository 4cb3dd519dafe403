// pure
import type { Random } from "./random.ts";

/** Bytes that readers of text stumble over: NUL, BOM, half a character, a surrogate, line ends, quotes, brackets. */
const troublesome: readonly (readonly number[])[] = [
  [0x00],
  [0xef, 0xbb, 0xbf],
  [0xff],
  [0xc3],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0x0d, 0x0a],
  [0x0a],
  [0x22],
  [0x5c],
  [0x7b],
  [0x5d],
  [0x2c],
  [0x25],
  [0x7f],
];

/** One to four changes: a bit flipped, bytes lost, doubled, moved, put in, or the end cut off. */
export function mutatedBytes(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let changed = [...bytes];
  for (let count = 1 + random.below(4); count > 0; count--) changed = changeOf(random, changed);
  return Uint8Array.from(changed);
}

function changeOf(random: Random, bytes: number[]): number[] {
  const at = random.below(bytes.length + 1), length = random.below(1 + random.pick([1, 4, 32, bytes.length]));
  const part = bytes.slice(at, at + length);
  switch (random.below(6)) {
    case 0:
      return bytes.map((byte, index) => index === at ? byte ^ (1 << random.below(8)) : byte);
    case 1:
      return bytes.toSpliced(at, length);
    case 2:
      return bytes.toSpliced(at, 0, ...part);
    case 3:
      return bytes.toSpliced(at, length).toSpliced(random.below(bytes.length + 1), 0, ...part);
    case 4:
      return bytes.toSpliced(at, 0, ...random.pick(troublesome));
    default:
      return bytes.slice(0, at);
  }
}
