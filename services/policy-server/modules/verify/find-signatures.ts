import { z } from "zod";
import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import { limiter } from "../../../../runtime/limiter.ts";
import type { Descriptor, FetchedManifest, ImageReference, RegistryReader } from "../registry-reader.ts";
import { type Signed, signedBundle, signedPayload } from "./sigstore/signed.ts";
import { claimsOf, objectIn, signatureTag, simpleSigningType } from "./simple-signing.ts";
import { statedClaims } from "./statement.ts";

/** A signature that says to be of the image; not verified. `where` is the digest of its layer. */
export type FoundSignature = { where: string; signed: Signed; claims: ReadonlyMap<string, string> };
/** What could not be a signature of the image, and why. */
export type Refusal = { where: string; reason: string };
export type Findings = { found: FoundSignature[]; refused: Refusal[] };

/** Where images of a registry keep their signatures: an image, and its manifest as it was fetched. */
export type SignedImage = { image: ImageReference; manifest: FetchedManifest; registry: RegistryReader };

// What anybody can push who may push; a good signature among more of them is not found.
const maxManifestBytes = 4 * 1024 * 1024;
const maxSignatures = 256;
const maxReferrers = 64;
const maxPayloadBytes = 256 * 1024;
const maxBundleBytes = 1024 * 1024;
const atOnce = 4;

const bundleType = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v|\+json)/;
/** The kinds of referrers that cosign writes: bundles, and simple signing where the tag is not wanted. */
const referrerType = /^application\/vnd\.dev\.(?:sigstore\.bundle|cosign\.artifact\.sig)\b/;

const layersOf = z.object({
  layers: z.array(z.object({
    mediaType: z.string(),
    digest: z.string(),
    size: z.int().nonnegative(),
    annotations: z.record(z.string(), z.string()).optional(),
  })),
});

/** The signatures in cosign's tag of the image, `sha256-<hex>.sig` (reference/policy-server.md 3.5.2). */
export async function taggedSignatures({ image, manifest, registry }: SignedImage): Promise<Findings> {
  const tagged = await registry.manifest({ ...image, reference: signatureTag(manifest.digest) });
  return tagged === undefined ? nothing() : await signaturesIn(tagged, { image, manifest, registry });
}

/** The signatures among what refers to the image, as cosign 3 writes them: one Sigstore bundle a referrer. */
export async function referringSignatures({ image, manifest, registry }: SignedImage): Promise<Findings> {
  const all = await registry.referrers(image, { digest: manifest.digest });
  // Where the registry does not say what it is, the manifest does.
  const referrers = all.filter(({ artifactType }) => artifactType === undefined || referrerType.test(artifactType));
  const inTurn = limiter(atOnce);
  const looked = await Promise.all(
    referrers.slice(0, maxReferrers).map(({ digest }) =>
      inTurn(async () => {
        const referrer = await registry.manifest({ ...image, reference: digest });
        return referrer === undefined ? nothing() : await signaturesIn(referrer, { image, manifest, registry });
      })
    ),
  );
  return together(...looked, overlooked(referrers.length - maxReferrers, "referrers"));
}

/** Both findings as one. */
export function together(...findings: readonly Findings[]): Findings {
  return { found: findings.flatMap(({ found }) => found), refused: findings.flatMap(({ refused }) => refused) };
}

async function signaturesIn(carrier: FetchedManifest, signedImage: SignedImage): Promise<Findings> {
  const { digest: where, bytes } = carrier;
  if (bytes.length > maxManifestBytes) return refusal(where, `the manifest is larger than ${maxManifestBytes} bytes`);
  const parsed = layersOf.safeParse(objectIn(bytes));
  if (!parsed.success) return refusal(where, "it is no manifest of an image");
  const layers = parsed.data.layers.filter(({ mediaType }) =>
    mediaType === simpleSigningType || bundleType.test(mediaType)
  ) as Descriptor[];
  const inTurn = limiter(atOnce);
  const read = layers.slice(0, maxSignatures).map((layer) => inTurn(() => readLayer(layer, signedImage)));
  return together(...await Promise.all(read), overlooked(layers.length - maxSignatures, "layers"));
}

/** A layer that cannot be read must not hide the others; a registry that does not answer is another matter. */
async function readLayer(layer: Descriptor, { image, manifest, registry }: SignedImage): Promise<Findings> {
  const { digest: where, mediaType, annotations = {} } = layer;
  const maxBytes = mediaType === simpleSigningType ? maxPayloadBytes : maxBundleBytes;
  if (layer.size > maxBytes) return refusal(where, `it is larger than ${maxBytes} bytes`);
  try {
    const content = await registry.blob(image, { descriptor: layer, maxBytes });
    const { signed, claims } = mediaType === simpleSigningType
      ? simpleSigning(content, { annotations, digest: manifest.digest })
      : bundle(content, manifest);
    return claims === undefined
      ? refusal(where, "it is no signature of this image")
      : { found: [{ where, signed, claims }], refused: [] };
  } catch (error) {
    if (error instanceof KubewardenError) return refusal(where, messageOf(error));
    throw error;
  }
}

type Read = { signed: Signed; claims: ReadonlyMap<string, string> | undefined };

function simpleSigning(
  payload: Uint8Array,
  { annotations, digest }: { annotations: Readonly<Record<string, string>>; digest: string },
): Read {
  const signed = signedPayload({
    payload,
    signature: annotations["dev.cosignproject.cosign/signature"] ?? "",
    certificate: annotations["dev.sigstore.cosign/certificate"],
    rekorBundle: annotations["dev.sigstore.cosign/bundle"],
  });
  return { signed, claims: claimsOf(payload, digest) };
}

function bundle(content: Uint8Array, { bytes, digest }: FetchedManifest): Read {
  const signed = signedBundle(content, bytes);
  return { signed, claims: signed.envelope === undefined ? new Map() : statedClaims(signed.envelope, digest) };
}

function overlooked(count: number, what: string): Findings {
  return count > 0 ? refusal("the rest", `${count} more ${what} than are looked at`) : nothing();
}

function refusal(where: string, reason: string): Findings {
  return { found: [], refused: [{ where, reason }] };
}

function nothing(): Findings {
  return { found: [], refused: [] };
}
