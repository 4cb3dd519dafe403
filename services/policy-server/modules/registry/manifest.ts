// pure
import { z } from "zod";
import { type ErrorCode, KubewardenError } from "../../../../contracts/errors.ts";
import type { Descriptor, FetchedManifest } from "../registry-reader.ts";
import { isDigest } from "./image-reference.ts";

export const mediaTypes = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  wasmLayer: "application/vnd.wasm.content.layer.v1+wasm",
  wasmConfig: "application/vnd.wasm.config.v1+json",
} as const;

/** As platforms are called in an index: Go's names. */
export type Platform = { os: string; architecture: string };

const descriptor = z.object({
  mediaType: z.string(),
  digest: z.string().refine(isDigest, "expected a sha256 or sha512 digest"),
  size: z.int().min(0),
  annotations: z.record(z.string(), z.string()).nullish().transform((value) => value ?? undefined),
  artifactType: z.string().optional(),
});
const platform = z.object({ os: z.string().default(""), architecture: z.string().default("") });
const index = z.object({
  manifests: z.array(descriptor.extend({ platform: platform.nullish() })).nullable().transform((list) => list ?? []),
});
const manifest = z.object({ config: descriptor, layers: z.array(descriptor) });

export type IndexEntry = Descriptor & { platform?: Platform | undefined };
export type ImageManifest =
  | { kind: "index"; manifests: IndexEntry[] }
  | { kind: "manifest"; config: Descriptor; layers: Descriptor[] };

/** Reads a manifest or an index of OCI or Docker. Throws DOWNLOAD_MEDIA_TYPE_INVALID if it is neither. */
export function parseManifest({ mediaType, bytes }: FetchedManifest): ImageManifest {
  const value = jsonOf(bytes);
  const fail = (why: string) => failed("DOWNLOAD_MEDIA_TYPE_INVALID", why);
  const declared = z.object({ mediaType: z.string() }).safeParse(value).data?.mediaType ?? mediaType;
  if (declared === mediaTypes.ociIndex || declared === mediaTypes.dockerList) {
    const parsed = index.safeParse(value);
    if (!parsed.success) throw fail("the image index is damaged");
    return { kind: "index", manifests: parsed.data.manifests.map(entryOf) };
  }
  if (declared !== mediaTypes.ociManifest && declared !== mediaTypes.dockerManifest) {
    throw fail(`the manifest has the media type "${declared}", which is no image manifest`);
  }
  const parsed = manifest.safeParse(value);
  if (!parsed.success) throw fail("the image manifest is damaged");
  return {
    kind: "manifest",
    config: withoutUndefined(parsed.data.config),
    layers: parsed.data.layers.map(withoutUndefined),
  };
}

/**
 * The one of an index to take: that of this machine's platform, else the first that is for WebAssembly, else the only one
 * there is. Throws DOWNLOAD_NOT_FOUND.
 */
export function chooseManifest(manifests: readonly IndexEntry[], here: Platform): IndexEntry {
  // Attestations of builders are entries without a platform of their own.
  const candidates = manifests.filter(({ platform }) => platform?.os !== "unknown");
  const chosen =
    candidates.find(({ platform }) => platform?.os === here.os && platform.architecture === here.architecture) ??
      candidates.find(({ platform }) =>
        platform?.architecture === "wasm" || platform?.os === "wasi" || platform?.os === "wasip1"
      ) ??
      (candidates.length === 1 ? candidates[0] : undefined);
  if (chosen !== undefined) return chosen;
  throw failed("DOWNLOAD_NOT_FOUND", `the image index has no manifest for ${here.os}/${here.architecture} or wasm`);
}

/**
 * The layer that is the module: every layer must be WebAssembly by its type, and there must be one. Upstream takes the first
 * of several (reference/policy-server.md 3.4.2). Throws DOWNLOAD_LAYERS_INVALID, DOWNLOAD_MEDIA_TYPE_INVALID.
 */
export function wasmLayerOf(layers: readonly Descriptor[], url: string): Descriptor {
  const [layer] = layers;
  if (layer === undefined) throw failed("DOWNLOAD_LAYERS_INVALID", `could not pull policy ${url}: empty layers`);
  const foreign = layers.find(({ mediaType }) => mediaType !== mediaTypes.wasmLayer);
  if (foreign !== undefined) {
    const why = `Incompatible layer media type: ${foreign.mediaType}`;
    throw failed("DOWNLOAD_MEDIA_TYPE_INVALID", `could not pull policy ${url}: ${why}`);
  }
  if (layers.length > 1) {
    const why = `${layers.length} WebAssembly layers, which of them is the policy cannot be told`;
    throw failed("DOWNLOAD_LAYERS_INVALID", `could not pull policy ${url}: ${why}`);
  }
  return layer;
}

/** The descriptors of an index, as the referrers API answers with. Throws DOWNLOAD_MEDIA_TYPE_INVALID. */
export function parseReferrers(bytes: Uint8Array): Descriptor[] {
  const parsed = index.safeParse(jsonOf(bytes));
  if (parsed.success) return parsed.data.manifests.map(({ platform: _, ...each }) => withoutUndefined(each));
  throw failed("DOWNLOAD_MEDIA_TYPE_INVALID", "the list of referrers is no image index");
}

function entryOf({ platform, ...each }: z.output<typeof index>["manifests"][number]): IndexEntry {
  return { ...withoutUndefined(each), ...(platform ? { platform } : {}) };
}

function withoutUndefined({ annotations, artifactType, ...rest }: z.output<typeof descriptor>): Descriptor {
  return { ...rest, ...(annotations && { annotations }), ...(artifactType !== undefined && { artifactType }) };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw failed("DOWNLOAD_MEDIA_TYPE_INVALID", "the manifest is not JSON");
  }
}

function failed(code: ErrorCode, message: string): KubewardenError {
  return new KubewardenError(code, message);
}
