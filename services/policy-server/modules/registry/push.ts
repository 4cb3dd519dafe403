import { sha256Hex } from "../../../../runtime/digest.ts";
import { type NetStream, withoutCredentials } from "../../../../runtime/net/stream.ts";
import type { ImageReference } from "../registry-reader.ts";
import { statusError } from "../sources/status.ts";
import { immutableReference } from "./image-reference.ts";
import { mediaTypes } from "./manifest.ts";
import type { RegistryClient } from "./registry-client.ts";

export type PushOptions = {
  registry: RegistryClient;
  annotations?: Readonly<Record<string, string>>;
  signal: AbortSignal;
};

/**
 * Publishes a module as upstream does: one layer, an empty configuration, annotations on the manifest (reference/
 * policy-server.md 3.4.3, 3.4.5). Returns the immutable reference `host/path@sha256:…`. Throws codes of `DOWNLOAD_`.
 */
export async function pushModule(
  { image, module }: { image: ImageReference; module: Uint8Array },
  options: PushOptions,
): Promise<string> {
  const config = await pushBlob(
    { image, bytes: new TextEncoder().encode("{}"), mediaType: mediaTypes.wasmConfig },
    options,
  );
  const layer = await pushBlob({ image, bytes: module, mediaType: mediaTypes.wasmLayer }, options);
  return await pushManifest(
    {
      image,
      mediaType: mediaTypes.ociManifest,
      content: {
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config,
        layers: [layer],
        ...(options.annotations ? { annotations: options.annotations } : {}),
      },
    },
    options,
  );
}

type Blob = { image: ImageReference; bytes: Uint8Array; mediaType: string };

/** Uploads a blob that is not there yet, in one piece. */
export async function pushBlob({ image, bytes, mediaType }: Blob, { registry, signal }: PushOptions) {
  const digest = `sha256:${sha256Hex(bytes)}`;
  const common = { actions: "pull,push" as const, signal };
  const there = await registry.open(image, { ...common, method: "HEAD", path: `/blobs/${digest}` });
  there.close();
  if (there.status !== 200) {
    const begun = await registry.open(image, { ...common, method: "POST", path: "/blobs/uploads/" });
    expectStatus(begun, 202);
    const place = new URL(begun.headers["location"] ?? "", begun.url);
    place.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream", "content-length": String(bytes.length) };
    const done = await registry.open(image, { ...common, method: "PUT", path: place.href, headers, body: bytes });
    expectStatus(done, 201);
  }
  return { mediaType, digest, size: bytes.length };
}

/** Puts a manifest under the reference of the image; the answer is its immutable reference. */
export async function pushManifest(
  { image, content, mediaType }: { image: ImageReference; content: unknown; mediaType: string },
  { registry, signal }: PushOptions,
): Promise<string> {
  const body = new TextEncoder().encode(JSON.stringify(content));
  const answer = await registry.open(image, {
    method: "PUT",
    path: `/manifests/${image.reference}`,
    actions: "pull,push",
    headers: { "content-type": mediaType, "content-length": String(body.length) },
    body,
    signal,
  });
  expectStatus(answer, 201);
  return immutableReference(image, new URL(answer.headers["location"] ?? "", answer.url).href);
}

function expectStatus(answer: NetStream, status: number): void {
  answer.close();
  if (answer.status !== status) throw statusError(withoutCredentials(answer.url), answer.status);
}
