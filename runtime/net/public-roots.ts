import { rootCertificates } from "node:tls";

let roots: readonly Buffer[] | undefined;

/** Of Mozilla's root certificates, as this runtime ships them, those in which a name (DER) occurs; each in DER. */
export function publicRootsOf(name: Uint8Array): Uint8Array<ArrayBuffer>[] {
  roots ??= rootCertificates.map((pem) => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64"));
  return roots.filter((der) => der.includes(name)).map((der) => Uint8Array.from(der));
}
