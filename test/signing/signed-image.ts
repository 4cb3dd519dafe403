import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import { silentLog } from "../../runtime/telemetry/log.ts";
import type { FetchedManifest } from "../../services/policy-server/modules/registry-reader.ts";
import { imageVerifier, type VerifiedImage } from "../../services/policy-server/modules/verify/image-verifier.ts";
import type { Requirements } from "../../services/policy-server/modules/verify/requirements.ts";
import { trustFrom } from "../../services/policy-server/modules/verify/sigstore/trusted-root.ts";
import { type Layer, MemoryRegistry } from "./memory-registry.ts";
import {
  envelopeBundle,
  messageBundle,
  payloadAbout,
  type Signer,
  simpleSigningAnnotations,
  statementAbout,
} from "./sigstore.ts";

const moduleType = "application/vnd.wasm.content.layer.v1+wasm";
const simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json";
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

export type SignedImage = { registry: MemoryRegistry; image: FetchedManifest };

/** A registry with an image under the tag `v1`, and nothing else. */
export function unsignedImage(content: string | Uint8Array = "module"): SignedImage {
  const registry = new MemoryRegistry();
  const layer = { mediaType: moduleType, content: typeof content === "string" ? Buffer.from(content) : content };
  return { registry, image: registry.push([layer], { tag: "v1" }) };
}

/** Pushes layers as cosign's signatures of the image. */
export function pushSignatures({ registry, image }: SignedImage, layers: readonly Layer[]): void {
  registry.push(layers, { tag: `${image.digest.replace(":", "-")}.sig` });
}

/** A layer as cosign signs it. */
export function simpleSigningLayer(signer: Signer, payload: Uint8Array): Layer {
  return { mediaType: simpleSigningType, content: payload, annotations: simpleSigningAnnotations(signer, payload) };
}

/** A registry with an image that these have signed. */
export function imageSignedBy(signers: readonly Signer[], optional?: Record<string, unknown>): SignedImage {
  const signed = unsignedImage();
  pushSignatures(signed, signers.map((each) => simpleSigningLayer(each, payloadAbout(signed.image.digest, optional))));
  return signed;
}

/** Pushes a bundle that refers to the image. */
export function pushBundle({ registry, image }: SignedImage, bundle: unknown, artifactType = bundleType): void {
  const content = Buffer.from(typeof bundle === "string" ? bundle : JSON.stringify(bundle));
  registry.push([{ mediaType: artifactType, content }], { subject: image.digest, artifactType });
}

export type Bundle = ReturnType<typeof envelopeBundle> | ReturnType<typeof messageBundle>;

/** The two forms of a signature of an image in a bundle: an envelope, and a signature of the manifest. */
export const envelopeOf = (signer: Signer, { image }: SignedImage) =>
  envelopeBundle(signer, statementAbout(image.digest));
export const manifestSignatureOf = (signer: Signer, { image }: SignedImage) => messageBundle(signer, image.bytes);

/** Verifies as a server does that has this trusted root. */
export async function verifySigned(
  { registry }: SignedImage,
  requirements: Requirements,
  trustedRoot: unknown,
): Promise<VerifiedImage> {
  const trustRoot = async () => trustFrom(trustedRoot);
  return await imageVerifier({ trustRoot, log: silentLog })(registry.image, { registry, requirements });
}

/** Why it is refused; fails if it is not. */
export async function refusalOf(
  signed: SignedImage,
  requirements: Requirements,
  trustedRoot: unknown,
): Promise<string> {
  const outcome = await verifySigned(signed, requirements, trustedRoot).catch((error: unknown) => error);
  assert.instance(outcome, KubewardenError);
  assert.is((outcome as KubewardenError).code, "VERIFICATION_FAILED");
  return (outcome as KubewardenError).message;
}
