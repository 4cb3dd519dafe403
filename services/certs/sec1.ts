// pure

/**
 * EC private keys as upstream's policy-server wants them: RFC 5915 (`EC PRIVATE KEY`), while WebCrypto only speaks
 * PKCS #8 (RFC 5958). Both hold the same inner structure, so a conversion is a matter of wrapping bytes.
 */
const tag = { integer: 0x02, octetString: 0x04, oid: 0x06, sequence: 0x30, parameters: 0xa0 };

const ecPublicKeyOid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/** WebCrypto's curve names with the content bytes of their object identifiers. */
const curveOids: Record<string, readonly number[]> = {
  "P-256": [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
  "P-384": [0x2b, 0x81, 0x04, 0x00, 0x22],
  "P-521": [0x2b, 0x81, 0x04, 0x00, 0x23],
};

/** RFC 5915 bytes of a PKCS #8 EC key, with the curve named inside as OpenSSL and Go write it. Throws `RangeError`. */
export function sec1FromPkcs8(pkcs8: Uint8Array): Uint8Array {
  const [, algorithm, wrapped] = elements(content(pkcs8, tag.sequence));
  const curve = algorithm && elements(content(algorithm, tag.sequence))[1];
  if (!curve || !wrapped) throw new RangeError("not a PKCS #8 EC key");
  const [version, key, ...rest] = elements(content(content(wrapped, tag.octetString), tag.sequence));
  if (!version || !key) throw new RangeError("not an EC private key");
  const others = rest.filter((each) => each[0] !== tag.parameters);
  return element(tag.sequence, version, key, element(tag.parameters, curve), ...others);
}

/** PKCS #8 bytes and WebCrypto's curve name of an RFC 5915 key that names its curve. Throws `RangeError`. */
export function pkcs8FromSec1(sec1: Uint8Array): { pkcs8: Uint8Array<ArrayBuffer>; namedCurve: string } {
  const parameters = elements(content(sec1, tag.sequence)).find((each) => each[0] === tag.parameters);
  if (!parameters) throw new RangeError("the EC private key does not name its curve");
  const curve = content(parameters, tag.parameters);
  const oid = content(curve, tag.oid);
  const namedCurve = Object.keys(curveOids).find((name) => sameBytes(curveOids[name] ?? [], oid));
  if (!namedCurve) throw new RangeError("the EC private key is on an unknown curve");
  const pkcs8 = element(
    tag.sequence,
    Uint8Array.of(tag.integer, 1, 0),
    element(tag.sequence, element(tag.oid, Uint8Array.from(ecPublicKeyOid)), curve),
    element(tag.octetString, sec1),
  );
  return { pkcs8, namedCurve };
}

function element(kind: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([kind, ...size, ...parts.flatMap((part) => [...part])]);
}

/** Content of the one element that `bytes` holds. */
function content(bytes: Uint8Array, kind: number): Uint8Array {
  const { start, end } = measure(bytes, 0);
  if (bytes[0] !== kind || end !== bytes.length) throw new RangeError("unexpected DER structure");
  return bytes.subarray(start, end);
}

function elements(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const { end } = measure(bytes, at);
    found.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
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

function sameBytes(a: readonly number[], b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
