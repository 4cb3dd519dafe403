import { createHash } from "node:crypto";

export type DigestAlgorithm = "sha256" | "sha512";

/** SHA-256 of bytes, or of a text's UTF-8 bytes, in lowercase hex. */
export function sha256Hex(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A digest of what comes piece by piece. `hex` may be asked once. */
export function digester(algorithm: DigestAlgorithm): { update(chunk: Uint8Array): void; hex(): string } {
  const hash = createHash(algorithm);
  return { update: (chunk) => void hash.update(chunk), hex: () => hash.digest("hex") };
}
