import { X509Certificate } from "@sigstore/core";
import { type CertificateAuthority, issueCertificate, makeCertificateAuthority } from "./certificate-authority.ts";
import { der, integer, objectIdentifier, octets, sequence, set, tagged } from "./der.ts";
import { hash, type Keys, makeKeys, signWith } from "./keys.ts";

/** Who signs that something was there at a time (RFC 3161). */
export type TimestampAuthority = { keys: Keys; certificate: Buffer<ArrayBuffer>; authority: CertificateAuthority };

const sha256 = sequence(objectIdentifier("2.16.840.1.101.3.4.2.1"));
const ecdsaWithSha256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));
const signedData = objectIdentifier("1.2.840.113549.1.7.2");
const timestampInfo = objectIdentifier("1.2.840.113549.1.9.16.1.4");

export async function makeTimestampAuthority(): Promise<TimestampAuthority> {
  const keys = makeKeys();
  const authority = await makeCertificateAuthority("tsa.test");
  const [notBefore, notAfter] = [new Date("2020-01-01"), new Date("2039-01-01")];
  const certificate = await issueCertificate(authority, { keys, notBefore, notAfter, promised: false });
  return { keys, authority, certificate: Buffer.from(certificate) };
}

/** A response that says that these bytes were there at that time. */
export function timestamp(
  { keys, certificate }: TimestampAuthority,
  { bytes, at }: { bytes: Uint8Array; at: Date },
): Buffer {
  const time = `${at.toISOString().replace(/[-:T]|\.\d+Z$/g, "")}Z`;
  const info = sequence(
    integer(1),
    objectIdentifier("1.2.3.4"),
    sequence(sha256, octets(hash(bytes))),
    integer(7),
    der(0x18, Buffer.from(time)),
  );
  const attributes = [
    sequence(objectIdentifier("1.2.840.113549.1.9.3"), set(timestampInfo)),
    sequence(objectIdentifier("1.2.840.113549.1.9.4"), set(octets(hash(info)))),
  ];
  const { issuer, serialNumber } = X509Certificate.parse(certificate);
  const signer = sequence(
    integer(1),
    sequence(sequence(issuer), der(0x02, serialNumber)),
    sha256,
    tagged(0, ...attributes),
    ecdsaWithSha256,
    octets(signWith(keys, set(...attributes))),
  );
  const content = sequence(integer(3), set(sha256), sequence(timestampInfo, tagged(0, octets(info))), set(signer));
  return sequence(sequence(integer(0)), sequence(signedData, tagged(0, content)));
}
