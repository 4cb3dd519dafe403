import { digester, sha256Hex } from "../../../runtime/digest.ts";
import { type HttpServer, serve, type TlsOptions } from "../../../runtime/http/server.ts";
import { mediaTypes } from "../modules/registry/manifest.ts";
import { wasm } from "./supply.ts";

/** What a request was, as far as tests look at it. */
export type Seen = { method: string; path: string; authorization: string | null; range: string | null };

export type TestRegistry = {
  /** `host:port`. */
  readonly host: string;
  readonly seen: Seen[];
  /** Content by digest, and manifests by `<repository> <reference>`. */
  readonly blobs: Map<string, Uint8Array<ArrayBuffer>>;
  readonly manifests: Map<string, { mediaType: string; bytes: Uint8Array<ArrayBuffer> }>;
  /** Answers instead of the registry, if it answers at all. */
  intercept: (request: Request) => Response | undefined | Promise<Response | undefined>;
};

export type TestRegistryOptions = { signal: AbortSignal; tls?: TlsOptions };

/** A registry in memory, for what a real one does not do on demand; the OCI distribution protocol as far as tests need it. */
export async function startTestRegistry({ signal, tls }: TestRegistryOptions): Promise<TestRegistry> {
  const registry = {
    host: "",
    seen: [] as Seen[],
    blobs: new Map<string, Uint8Array<ArrayBuffer>>(),
    manifests: new Map<string, { mediaType: string; bytes: Uint8Array<ArrayBuffer> }>(),
    intercept: (() => undefined) as TestRegistry["intercept"],
  };
  const handler = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const { headers, method } = request;
    const path = `${pathname}${search}`;
    registry.seen.push({ method, path, authorization: headers.get("authorization"), range: headers.get("range") });
    return await registry.intercept(request) ?? await answer(registry, request);
  };
  const options = { host: "127.0.0.1", port: 0, signal, drainMs: 0, maxBodyBytes: 1e8, ...(tls ? { tls } : {}) };
  const server: HttpServer = await serve(handler, options);
  registry.host = `localhost:${server.port}`;
  return registry;
}

async function answer({ blobs, manifests }: TestRegistry, request: Request): Promise<Response> {
  const { method } = request;
  const { pathname, searchParams } = new URL(request.url);
  const [, repository = "", kind, reference = ""] = /^\/v2\/(.+)\/(blobs|manifests|referrers)\/(.*)$/.exec(pathname) ??
    [];
  if (kind === "blobs" && method === "POST") {
    return new Response(null, { status: 202, headers: { location: `/v2/${repository}/blobs/uploads/1?state=a` } });
  }
  if (kind === "blobs" && method === "PUT") {
    blobs.set(searchParams.get("digest") ?? "", new Uint8Array(await request.arrayBuffer()));
    return new Response(null, { status: 201 });
  }
  if (kind === "manifests" && method === "PUT") {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const digest = `sha256:${sha256Hex(bytes)}`;
    const manifest = { mediaType: request.headers.get("content-type") ?? "", bytes };
    for (const each of [reference, digest]) manifests.set(`${repository} ${each}`, manifest);
    return new Response(null, { status: 201, headers: { location: `/v2/${repository}/manifests/${digest}` } });
  }
  if (kind === "manifests") {
    const found = manifests.get(`${repository} ${reference}`);
    return found ? new Response(found.bytes, { headers: { "content-type": found.mediaType } }) : missing();
  }
  const blob = kind === "blobs" ? blobs.get(reference) : undefined;
  return blob === undefined ? missing() : ranged(blob, request.headers.get("range"));
}

function missing(): Response {
  return new Response('{"errors":[]}', { status: 404 });
}

function ranged(bytes: Uint8Array<ArrayBuffer>, range: string | null): Response {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? NaN);
  if (Number.isNaN(start)) return new Response(bytes);
  const headers = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  return new Response(bytes.subarray(start), { status: 206, headers });
}

/** Puts content into a registry by hand; returns its descriptor. */
export function putBlob(
  { blobs }: TestRegistry,
  { bytes, mediaType, algorithm = "sha256" }: {
    bytes: Uint8Array<ArrayBuffer>;
    mediaType: string;
    algorithm?: "sha256" | "sha512";
  },
) {
  const hash = digester(algorithm);
  hash.update(bytes);
  const digest = `${algorithm}:${hash.hex()}`;
  blobs.set(digest, bytes);
  return { mediaType, digest, size: bytes.length };
}

/** Puts a manifest, or an index, into a registry by hand; returns its descriptor. */
export function putManifest(
  { manifests }: TestRegistry,
  { repository, reference, content }: {
    repository: string;
    reference?: string;
    content: { mediaType: string; [field: string]: unknown };
  },
) {
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  const digest = `sha256:${sha256Hex(bytes)}`;
  const { mediaType } = content;
  for (const each of reference === undefined ? [digest] : [reference, digest]) {
    manifests.set(`${repository} ${each}`, { mediaType, bytes });
  }
  return { mediaType, digest, size: bytes.length };
}

/** Puts a policy `a/policy:v1` into a registry by hand, the shortest module; of other layers if they are given. */
export function putPolicy(
  registry: TestRegistry,
  { layers, reference = "v1" }: { layers?: unknown[]; reference?: string } = {},
) {
  const config = putBlob(registry, { bytes: new TextEncoder().encode("{}"), mediaType: mediaTypes.wasmConfig });
  const content = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers: layers ?? [putBlob(registry, { bytes: wasm, mediaType: mediaTypes.wasmLayer })],
  };
  return putManifest(registry, { repository: "a/policy", reference, content });
}
