import crypto from "node:crypto";

type Verify = (algorithm: string | null | undefined, ...rest: unknown[]) => unknown;

let complete = false;

/**
 * Lets `crypto.verify` without a digest take SHA-256 for EC and RSA keys under Deno too, as Node does: Deno throws, so
 * that libraries written for Node (`@sigstore/core`) find every signature wrong. Where it works, nothing is changed.
 * Source: Node, `crypto.verify(algorithm, data, key, signature)`; OpenSSL, EVP_PKEY_get_default_digest_name.
 */
export function completeNodeCrypto(): void {
  if (complete || !("Deno" in globalThis)) return;
  complete = true;
  const verify = crypto.verify as Verify;
  const withDefault: Verify = (algorithm, data, key, ...rest) =>
    verify(algorithm ?? (isEdwards(key) ? algorithm : "sha256"), data, key, ...rest);
  Object.assign(crypto, { verify: withDefault });
}

/** Ed25519 has its digest in itself. */
function isEdwards(key: unknown): boolean {
  const object = key as { asymmetricKeyType?: string; key?: { asymmetricKeyType?: string } };
  return (object.asymmetricKeyType ?? object.key?.asymmetricKeyType)?.startsWith("ed") ?? false;
}
