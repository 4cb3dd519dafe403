// pure
import { content, element, elements, sameBytes, tag } from "./der.ts";

/**
 * EC private keys as upstream's policy-server wants them: RFC 5915 (`EC PRIVATE KEY`), while WebCrypto only speaks
 * PKCS #8 (RFC 5958). Both hold the same inner structure, so a conversion is a matter of wrapping bytes.
 */
export const ecPublicKeyOid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

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
