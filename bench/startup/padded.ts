// pure

/** A module of a size, with a custom section of noise behind its code, so that neither it nor its digest repeats. */
export function padded(
  module: Uint8Array<ArrayBuffer>,
  { bytes, seed }: { bytes: number; seed: number },
): Uint8Array<ArrayBuffer> {
  // One byte for the kind of section, five for its size, two for the name "n".
  const noise = new Uint8Array(Math.max(0, bytes - module.length - 8));
  let state = seed;
  for (let at = 0; at < noise.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    noise[at] = state >>> 24;
  }
  const size = noise.length + 2;
  const sizeBytes = [0, 7, 14, 21, 28].map((shift, index) => (size >>> shift & 0x7f) | (index < 4 ? 0x80 : 0));
  const whole = new Uint8Array(module.length + 8 + noise.length);
  whole.set(module);
  whole.set([0, ...sizeBytes, 1, "n".charCodeAt(0)], module.length);
  whole.set(noise, module.length + 8);
  return whole;
}
