import { KubewardenError } from "../../../../contracts/errors.ts";
import { tooLarge } from "../../../../runtime/net/net.ts";
import { downloadFailed } from "../../../../runtime/net/stream.ts";
import type { Descriptor, FetchedManifest, ImageReference, RegistryReader } from "../registry-reader.ts";
import { receive } from "../sources/receive.ts";
import { statusError } from "../sources/status.ts";
import type { StoredModule } from "../store/incoming.ts";
import type { ModuleStore } from "../store/module-store.ts";
import { imageText } from "./image-reference.ts";
import { chooseManifest, parseManifest, type Platform, wasmLayerOf } from "./manifest.ts";
import { anywhere, type Mirrors, placesOf } from "./places.ts";
import type { Place, RegistryClient } from "./registry-client.ts";

export type PullContext = {
  reader: RegistryReader;
  registry: RegistryClient;
  mirrors: Mirrors;
  store: ModuleStore;
  platform: Platform;
  signal: AbortSignal;
};

export type PulledModule = StoredModule & { manifest: string; from: "store" | "registry" };

/**
 * The module of an image. What a digest names and is in the store needs no registry; a tag does, for what it means now.
 * Throws codes of `DOWNLOAD_`.
 */
export async function pullModule(image: ImageReference, context: PullContext): Promise<PulledModule> {
  const manifest = await manifestFor(image, context);
  const layer = await layerOf(image, manifest, context);
  const stored = await context.store.module(layer.digest);
  if (stored !== undefined) {
    return { digest: layer.digest, bytes: stored, manifest: manifest.digest, from: "store" };
  }
  const pulled = await pullLayer(image, layer, context);
  return { ...pulled, manifest: manifest.digest, from: "registry" };
}

/** Through an index, if it is one, to the layer that is the module. */
async function layerOf(image: ImageReference, manifest: FetchedManifest, context: PullContext): Promise<Descriptor> {
  let parsed = parseManifest(manifest);
  if (parsed.kind === "index") {
    const { digest } = chooseManifest(parsed.manifests, context.platform);
    parsed = parseManifest(await manifestFor({ ...image, reference: digest }, context));
  }
  if (parsed.kind === "manifest") return wasmLayerOf(parsed.layers, imageText(image));
  throw new KubewardenError("DOWNLOAD_MEDIA_TYPE_INVALID", "an image index leads to another index");
}

async function manifestFor(image: ImageReference, { reader, store }: PullContext): Promise<FetchedManifest> {
  const { reference } = image;
  if (reference.includes(":")) {
    const bytes = await store.manifest(reference);
    // What it is stands in the manifest itself, as far as registries make clients write it there.
    if (bytes !== undefined) return { mediaType: mediaTypeIn(bytes), digest: reference, bytes };
  }
  const found = await reader.manifest(image);
  if (found === undefined) {
    throw new KubewardenError(
      "DOWNLOAD_NOT_FOUND",
      `could not pull policy ${imageText(image)}: there is no such image`,
    );
  }
  // One that says what it is can be read again from the store.
  if (mediaTypeIn(found.bytes) !== "") await store.keepManifest(found.digest, found.bytes);
  return found;
}

function mediaTypeIn(bytes: Uint8Array): string {
  try {
    const { mediaType } = JSON.parse(new TextDecoder().decode(bytes)) as { mediaType?: unknown };
    return typeof mediaType === "string" ? mediaType : "";
  } catch {
    return ""; // Said where it is parsed.
  }
}

async function pullLayer(image: ImageReference, layer: Descriptor, context: PullContext): Promise<StoredModule> {
  const { registry: { client: { limits, log } }, mirrors, signal } = context;
  const text = imageText(image);
  if (layer.size > limits.maxBytes) throw tooLarge(text, limits.maxBytes);
  const pulled = await anywhere(
    placesOf(image, mirrors),
    { log, signal },
    (place, { isMirror }) => pullFrom(place, { text, layer, attempts: isMirror ? 1 : limits.attempts }, context),
  );
  if (pulled !== undefined) return pulled;
  throw statusError(text, 404, "the registry has the manifest, but not its layer");
}

/** undefined: it is not there. */
async function pullFrom(
  place: Place,
  { text, layer, attempts }: { text: string; layer: Descriptor; attempts: number },
  { registry, store, signal }: PullContext,
): Promise<StoredModule | undefined> {
  const incoming = await store.receive(layer.digest);
  try {
    const open = (headers: Record<string, string>) =>
      registry.open(place, { path: `/blobs/${layer.digest}`, headers, attempts, signal });
    const { client } = registry;
    await receive(incoming, { open, url: text, immutable: true, maxBytes: layer.size, client, signal });
    if (incoming.size < layer.size) {
      throw downloadFailed(text, `${incoming.size} bytes of ${layer.size}`, { code: "DOWNLOAD_TRUNCATED" });
    }
    return await incoming.commit();
  } catch (error) {
    await incoming.discard();
    if (error instanceof KubewardenError && error.code === "DOWNLOAD_NOT_FOUND") return undefined;
    throw error;
  }
}
