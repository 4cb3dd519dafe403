import { serve } from "../../runtime/http/server.ts";
import type { MemoryRegistry } from "./memory-registry.ts";

/** Serves a registry over plain HTTP on loopback, by the OCI distribution protocol; resolves to its `host:port`. */
export async function serveRegistry(registry: MemoryRegistry, signal: AbortSignal): Promise<string> {
  const { port } = await serve(async (request) => {
    const path = new URL(request.url).pathname;
    const [, kind, reference = ""] = /^\/v2\/.+\/(manifests|blobs|referrers)\/([^/]+)$/.exec(path) ?? [];
    if (path === "/v2/") return Response.json({});
    return await answerFor(registry, kind ?? "", decodeURIComponent(reference)) ??
      Response.json({ errors: [{ code: "NOT_FOUND" }] }, { status: 404 });
  }, { host: "127.0.0.1", port: 0, drainMs: 0, signal });
  return `127.0.0.1:${port}`;
}

async function answerFor(registry: MemoryRegistry, kind: string, reference: string): Promise<Response | undefined> {
  const image = { ...registry.image, reference };
  if (kind === "manifests") {
    const manifest = await registry.manifest(image);
    return manifest && new Response(manifest.bytes, { headers: { "content-type": manifest.mediaType } });
  }
  if (kind === "blobs") {
    const content = registry.content(reference);
    return content && new Response(content);
  }
  if (kind !== "referrers") return undefined;
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const manifests = await registry.referrers(image, { digest: reference });
  return Response.json({ schemaVersion: 2, mediaType, manifests }, { headers: { "content-type": mediaType } });
}
