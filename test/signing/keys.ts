import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A key pair in the forms that certificates, logs and signatures want. */
export type Keys = {
  privateKey: KeyObject;
  /** SubjectPublicKeyInfo. */
  spki: Buffer;
  pem: string;
};

/** Makes a key pair; EC keys on P-256 are what cosign makes. */
export function makeKeys(kind: "P-256" | "P-384" | "ed25519" | "rsa" = "P-256"): Keys {
  const { privateKey } = kind === "ed25519"
    ? generateKeyPairSync("ed25519")
    : kind === "rsa"
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : generateKeyPairSync("ec", { namedCurve: kind });
  const publicKey = createPublicKey(privateKey.export({ type: "pkcs8", format: "pem" }));
  return {
    privateKey,
    spki: publicKey.export({ type: "spki", format: "der" }),
    pem: publicKey.export({ type: "spki", format: "pem" }) as string,
  };
}

/** A signature as cosign makes it: ECDSA (DER) or RSA over SHA-256, or Ed25519. */
export function signWith({ privateKey }: Keys, bytes: Uint8Array, digest = "sha256"): Buffer {
  return sign(privateKey.asymmetricKeyType === "ed25519" ? null : digest, bytes, privateKey);
}

/** SHA-256. */
export function hash(...parts: Uint8Array[]): Buffer {
  const digest = createHash("sha256");
  for (const each of parts) digest.update(each);
  return digest.digest();
}
