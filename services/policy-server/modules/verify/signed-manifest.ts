import { KubewardenError } from "../../../../contracts/errors.ts";
import type { ImageReference, RegistryReader } from "../registry-reader.ts";
import { type Findings, referringSignatures, type Refusal, taggedSignatures, together } from "./find-signatures.ts";

/** Whether signatures are enough for the image with this digest. Throws a KubewardenError if they are not. */
export type Decide<T> = (findings: Findings, digest: string) => Promise<T>;

/**
 * Decides by the signatures in cosign's tag of an image and, if they are not enough, by those too that refer to it.
 * Throws what was decided, VERIFICATION_FAILED if there is no such image, DOWNLOAD_FAILED and its kind.
 */
export async function decideBySignatures<T>(
  image: ImageReference,
  { registry, decide }: { registry: RegistryReader; decide: Decide<T> },
): Promise<T> {
  const name = nameOf(image);
  const manifest = await registry.manifest(image);
  if (manifest === undefined) throw failed(`no such image: ${name}`);
  const { digest } = manifest;
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw failed(`the digest of ${name} is not SHA-256: ${digest}`);
  const signed = { image, manifest, registry };
  const tagged = await taggedSignatures(signed);
  try {
    return await decide(tagged, digest);
  } catch (error) {
    if (!(error instanceof KubewardenError)) throw error;
    const referring = await referringSignatures(signed);
    if (referring.found.length + referring.refused.length === 0) throw error;
    return await decide(together(tagged, referring), digest);
  }
}

/** An image as people write it. */
export function nameOf({ registry, repository, reference }: ImageReference): string {
  return `${registry}/${repository}${reference.includes(":") ? "@" : ":"}${reference}`;
}

/** The first few that do not count, and why: the end of a message. Empty if there are none. */
export function withRefused(refused: readonly Refusal[]): string {
  const notes = refused.slice(0, 5).map(({ where, reason }) => `- ${where}: ${reason}`);
  return notes.length === 0 ? "" : `\nSignatures that do not count:\n${notes.join("\n")}`;
}

function failed(message: string): KubewardenError {
  return new KubewardenError("VERIFICATION_FAILED", message);
}
