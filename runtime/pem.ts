import { createPrivateKey, X509Certificate } from "node:crypto";

/** The certificates of a PEM text, each with its frame, whether they can be read or not. */
export function certificateBlocks(pem: string): string[] {
  return pem.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END [^-]*CERTIFICATE-----/g) ?? [];
}

/** The certificates of a PEM text that can be read, and how many cannot. */
export function readableCertificates(pem: string): { readable: string[]; unusable: number } {
  const blocks = certificateBlocks(pem);
  const readable = blocks.filter(isReadable);
  return { readable, unusable: blocks.length - readable.length };
}

/** The private keys of a PEM text, each with its frame. */
export function keyBlocks(pem: string): string[] {
  return pem.match(/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^]*?-----END [A-Z0-9 ]*PRIVATE KEY-----/g) ?? [];
}

/** Whether a key (one block of PEM) needs a password. */
export function isEncryptedKey(pem: string): boolean {
  return /BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED/m.test(pem);
}

/** Whether a private key belongs to a certificate. Throws if one of them cannot be read. */
export function keyMatches(key: string, certificate: string): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

function isReadable(certificate: string): boolean {
  try {
    new X509Certificate(certificate);
    return true;
  } catch {
    // Why does not matter: the caller counts those that are left.
    return false;
  }
}
