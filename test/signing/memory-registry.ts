import type {
  Descriptor,
  FetchedManifest,
  ImageReference,
  RegistryReader,
} from "../../services/policy-server/modules/registry-reader.ts";
import { KubewardenError } from "../../contracts/errors.ts";
import { hash } from "./keys.ts";

/** A layer to push: its content, what it is, and what the manifest says of it. */
export type Layer = { mediaType: string; content: Uint8Array; annotations?: Record<string, string> };

const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** A registry with one repository, in memory; it reads as one over the network does. */
export class MemoryRegistry implements RegistryReader {
  readonly image: ImageReference = { registry: "registry.test", repository: "policy", reference: "v1" };
  /** What has been asked for. */
  readonly asked: string[] = [];
  readonly #manifests = new Map<string, FetchedManifest>();
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #referrers = new Map<string, Descriptor[]>();

  /** Stores a manifest under its digest and, if there is one, a tag. */
  push(layers: readonly Layer[], { tag, subject, artifactType }: {
    tag?: string;
    /** Digest of the manifest that this one refers to. */
    subject?: string;
    artifactType?: string;
  } = {}): FetchedManifest {
    const described = layers.map(({ mediaType, content, annotations }): Descriptor => {
      const digest = digestOf(content);
      this.#blobs.set(digest, Uint8Array.from(content));
      return { mediaType, digest, size: content.length, ...annotations && { annotations } };
    });
    const config = { mediaType: "application/vnd.wasm.config.v1+json", digest: digestOf(Buffer.from("{}")), size: 2 };
    const content = { schemaVersion: 2, mediaType: manifestType, artifactType, config, layers: described };
    return this.pushManifest(content, { tag, subject, artifactType });
  }

  pushManifest(content: unknown, { tag, subject, artifactType }: {
    tag?: string | undefined;
    subject?: string | undefined;
    artifactType?: string | undefined;
  } = {}): FetchedManifest {
    const bytes = Uint8Array.from(Buffer.from(typeof content === "string" ? content : JSON.stringify(content)));
    const manifest = { mediaType: manifestType, digest: digestOf(bytes), bytes };
    for (const reference of [manifest.digest, ...tag === undefined ? [] : [tag]]) {
      this.#manifests.set(reference, manifest);
    }
    if (subject !== undefined) {
      const known = this.#referrers.get(subject) ?? [];
      const { digest } = manifest;
      known.push({ mediaType: manifestType, digest, size: bytes.length, ...artifactType && { artifactType } });
      this.#referrers.set(subject, known);
    }
    return manifest;
  }

  /** What was pushed as a layer. */
  content(digest: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#blobs.get(digest);
  }

  async manifest({ reference }: ImageReference): Promise<FetchedManifest | undefined> {
    this.asked.push(reference);
    return this.#manifests.get(reference);
  }

  async blob(
    _image: ImageReference,
    { descriptor, maxBytes }: { descriptor: Descriptor; maxBytes: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    this.asked.push(descriptor.digest);
    const blob = this.content(descriptor.digest);
    if (blob === undefined) throw new KubewardenError("DOWNLOAD_FAILED", `no blob ${descriptor.digest}`);
    if (blob.length > maxBytes) throw new KubewardenError("DOWNLOAD_TOO_LARGE", `larger than ${maxBytes} bytes`);
    return blob;
  }

  async referrers(
    _image: ImageReference,
    { digest, artifactType }: { digest: string; artifactType?: string },
  ): Promise<Descriptor[]> {
    this.asked.push(`referrers of ${digest}`);
    const all = this.#referrers.get(digest) ?? [];
    return artifactType === undefined ? all : all.filter((each) => each.artifactType === artifactType);
  }
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${hash(bytes).toString("hex")}`;
}
