/** ASN.1 values in DER, as far as certificates and timestamps of tests need them. */
export function der(tag: number, ...contents: Uint8Array[]): Buffer<ArrayBuffer> {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

export function sequence(...members: Uint8Array[]): Buffer<ArrayBuffer> {
  return der(0x30, ...members);
}

export function set(...members: Uint8Array[]): Buffer<ArrayBuffer> {
  return der(0x31, ...members);
}

export function integer(value: number): Buffer<ArrayBuffer> {
  return der(0x02, Buffer.from([value]));
}

export function octets(bytes: Uint8Array): Buffer<ArrayBuffer> {
  return der(0x04, bytes);
}

export function utf8String(text: string): Buffer<ArrayBuffer> {
  return der(0x0c, Buffer.from(text));
}

/** The context's own tag, around a value. */
export function tagged(number: number, ...contents: Uint8Array[]): Buffer<ArrayBuffer> {
  return der(0xa0 + number, ...contents);
}

export function objectIdentifier(text: string): Buffer<ArrayBuffer> {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift(0x80 | (rest & 0x7f));
  }
  return digits;
}
