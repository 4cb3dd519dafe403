import { KubewardenError } from "../../../../contracts/errors.ts";
import { tooLarge, wholeOf } from "../../../../runtime/net/net.ts";
import { type NetStream, withoutCredentials } from "../../../../runtime/net/stream.ts";
import type { Descriptor, FetchedManifest, ImageReference, RegistryReader } from "../registry-reader.ts";
import { statusError } from "../sources/status.ts";
import { digestOf } from "../store/module-store.ts";
import { imageText, isDigest } from "./image-reference.ts";
import { mediaTypes, parseManifest, parseReferrers } from "./manifest.ts";
import { anywhere, type Mirrors, placesOf } from "./places.ts";
import type { Place, RegistryClient, RegistryRequest } from "./registry-client.ts";

/** The distribution specification makes registries take at least as much. */
const maxManifestBytes = 4 * 1024 * 1024;
const { ociManifest, ociIndex, dockerManifest, dockerList } = mediaTypes;
const accept = [ociManifest, ociIndex, dockerManifest, dockerList].join(", ");

export type ReaderOptions = { registry: RegistryClient; mirrors: Mirrors; signal: AbortSignal };

/** Throws codes of `DOWNLOAD_`. */
export function registryReader({ registry, mirrors, signal }: ReaderOptions): RegistryReader {
  const { log, limits } = registry.client;
  const find = <T>(image: ImageReference, work: (ask: Ask, place: Place) => Promise<T | undefined>) =>
    anywhere(placesOf(image, mirrors), { log, signal }, (place, { isMirror }) => {
      const attempts = isMirror ? 1 : limits.attempts;
      return work((request) => registry.open(place, { ...request, attempts, signal }), place);
    });
  return {
    manifest: (image) => find(image, (ask) => manifestOf(image.reference, ask)),

    async blob(image, { descriptor, maxBytes }) {
      if (descriptor.size > maxBytes) throw tooLarge(imageText(image), maxBytes);
      const bytes = await find(image, (ask) => blobOf(descriptor, maxBytes, ask));
      if (bytes !== undefined) return bytes;
      throw new KubewardenError("DOWNLOAD_NOT_FOUND", `${imageText(image)} has no blob ${descriptor.digest}`);
    },

    async referrers(image, { digest, artifactType }) {
      const all = await find(
        image,
        async (ask) => await apiReferrers({ digest, artifactType }, ask) ?? await taggedReferrers(digest, ask),
      ) ?? [];
      return artifactType === undefined ? all : all.filter((each) => each.artifactType === artifactType);
    },
  };
}

type Ask = (request: Omit<RegistryRequest, "signal">) => Promise<NetStream>;

async function manifestOf(reference: string, ask: Ask): Promise<FetchedManifest | undefined> {
  const answer = await ask({ path: `/manifests/${reference}`, headers: { accept } });
  const bytes = await bytesOf(answer, maxManifestBytes);
  if (bytes === undefined) return undefined;
  const digest = digestOf(isDigest(reference) ? reference : "sha256:", bytes);
  if (isDigest(reference) && digest !== reference) throw mismatch(answer.url, digest, reference);
  const mediaType = (answer.headers["content-type"] ?? "").split(";", 1).join().trim();
  return { mediaType, digest, bytes };
}

async function blobOf({ digest, size }: Descriptor, maxBytes: number, ask: Ask) {
  const answer = await ask({ path: `/blobs/${digest}` });
  const bytes = await bytesOf(answer, Math.min(size, maxBytes));
  if (bytes === undefined) return undefined;
  const actual = digestOf(digest, bytes);
  if (actual !== digest) throw mismatch(answer.url, actual, digest);
  return bytes;
}

/** undefined: there is no such thing. */
async function bytesOf(answer: NetStream, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { url, status, body } = answer;
  if (status === 200) return await wholeOf(body, { url, maxBytes });
  answer.close();
  if (status === 404) return undefined;
  throw statusError(withoutCredentials(url), status);
}

// More pages than that are no list of signatures.
const maxPages = 20;

/** undefined: the registry does not have this API. */
async function apiReferrers(
  { digest, artifactType }: { digest: string; artifactType: string | undefined },
  ask: Ask,
): Promise<Descriptor[] | undefined> {
  const query = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
  const all: Descriptor[] = [];
  let path: string | undefined = `/referrers/${digest}${query}`;
  for (let page = 0; path !== undefined && page < maxPages; page++) {
    const answer: NetStream = await ask({ path, headers: { accept: ociIndex } });
    // Whatever a registry that does not know the API answers to it, the tag may still be there.
    if (page === 0 && answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      answer.close();
      return undefined;
    }
    const bytes = await bytesOf(answer, maxManifestBytes);
    if (bytes === undefined) break;
    all.push(...parseReferrers(bytes));
    path = nextPage(answer);
  }
  return all;
}

/** The next page (RFC 8288), on the same host only. */
function nextPage({ url, headers }: NetStream): string | undefined {
  const next = URL.parse(/<([^>]*)>\s*;\s*rel="?next"?/i.exec(headers["link"] ?? "")?.[1] ?? "", url);
  return next !== null && next.host === new URL(url).host && headers["link"] !== undefined ? next.href : undefined;
}

async function taggedReferrers(digest: string, ask: Ask): Promise<Descriptor[]> {
  const tagged = await manifestOf(digest.replace(":", "-"), ask);
  const parsed = tagged && parseManifest(tagged);
  if (parsed?.kind !== "index") return [];
  return parsed.manifests.map(({ platform: _, ...each }) => each);
}

function mismatch(url: string, actual: string, expected: string): KubewardenError {
  const why = `the content is not what was asked for: its digest is ${actual} instead of ${expected}`;
  return new KubewardenError("DOWNLOAD_DIGEST_MISMATCH", `Cannot download "${withoutCredentials(url)}": ${why}`);
}
