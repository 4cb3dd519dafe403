import { keyBlocks } from "../../runtime/pem.ts";
import { content, element, elements, sameBytes, tag } from "./der.ts";
import { ecPublicKeyOid, pkcs8FromSec1, sec1FromPkcs8 } from "./sec1.ts";

/** How WebCrypto signs with a key of that kind. */
export type SigningAlgorithm =
  | { name: "ECDSA"; namedCurve: string; hash: "SHA-256" }
  | { name: "RSASSA-PKCS1-v1_5"; hash: "SHA-256" }
  | { name: "Ed25519" };

const rsaOid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ed25519Oid = [0x2b, 0x65, 0x70];

/**
 * A key to sign with, from the first private key of a PEM text: EC as Go and Helm write it (`EC PRIVATE KEY`), RSA as
 * cert-manager does (`RSA PRIVATE KEY`), or either and Ed25519 as PKCS #8 (`PRIVATE KEY`). Throws on anything else; what
 * is thrown never quotes the text.
 */
export async function importPrivateKey(pem: string): Promise<{ key: CryptoKey; algorithm: SigningAlgorithm }> {
  const [block] = keyBlocks(pem);
  if (block === undefined) throw new RangeError("no private key found");
  const { pkcs8, algorithm } = pkcs8Of(block);
  return { key: await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]), algorithm };
}

/** A WebCrypto EC key as PEM, the way upstream's policy-server reads it. */
export async function ecPrivateKeyPem(key: CryptoKey): Promise<string> {
  const sec1 = sec1FromPkcs8(new Uint8Array(await crypto.subtle.exportKey("pkcs8", key)));
  const lines = sec1.toBase64().match(/.{1,64}/g) ?? [];
  return ["-----BEGIN EC PRIVATE KEY-----", ...lines, "-----END EC PRIVATE KEY-----", ""].join("\n");
}

type Pkcs8Key = { pkcs8: Uint8Array<ArrayBuffer>; algorithm: SigningAlgorithm };

function pkcs8Of(block: string): Pkcs8Key {
  const [, kind, text = ""] = /^-----BEGIN ([^-]*)-----([^-]*)-----END/.exec(block) ?? [];
  const der = Uint8Array.fromBase64(text);
  if (kind === "EC PRIVATE KEY") return ecKey(der);
  if (kind === "RSA PRIVATE KEY") return { pkcs8: pkcs8FromPkcs1(der), algorithm: rsa };
  if (kind !== "PRIVATE KEY") throw new RangeError("a private key of an unknown kind");
  const oid = algorithmOf(der);
  // By way of RFC 5915, so that the curve is known and named in one place.
  if (sameBytes(oid, ecPublicKeyOid)) return ecKey(sec1FromPkcs8(der));
  if (sameBytes(oid, rsaOid)) return { pkcs8: der, algorithm: rsa };
  if (sameBytes(oid, ed25519Oid)) return { pkcs8: der, algorithm: { name: "Ed25519" } };
  throw new RangeError("a private key of an unknown algorithm");
}

const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;

function ecKey(sec1: Uint8Array): Pkcs8Key {
  const { pkcs8, namedCurve } = pkcs8FromSec1(sec1);
  return { pkcs8, algorithm: { name: "ECDSA", namedCurve, hash: "SHA-256" } };
}

/** RFC 8017 bytes in the frame of RFC 5958. */
function pkcs8FromPkcs1(pkcs1: Uint8Array): Uint8Array<ArrayBuffer> {
  return element(
    tag.sequence,
    Uint8Array.of(tag.integer, 1, 0),
    element(tag.sequence, element(tag.oid, Uint8Array.from(rsaOid)), element(tag.null)),
    element(tag.octetString, pkcs1),
  );
}

function algorithmOf(pkcs8: Uint8Array): Uint8Array {
  const [, algorithm] = elements(content(pkcs8, tag.sequence));
  const [oid] = algorithm ? elements(content(algorithm, tag.sequence)) : [];
  if (!oid) throw new RangeError("not a PKCS #8 key");
  return content(oid, tag.oid);
}
