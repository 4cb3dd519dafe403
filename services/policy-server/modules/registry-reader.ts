// pure

/** Where an image is, in full: `registry` is `host[:port]`; `reference` is a tag or a digest (`sha256:…`). */
export type ImageReference = { registry: string; repository: string; reference: string };

/** What a manifest says of a blob or of another manifest (OCI image specification, descriptors). */
export type Descriptor = {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Readonly<Record<string, string>>;
  artifactType?: string;
};

/** A manifest as it was sent; `digest` is that of its bytes, and has been checked if it was asked for by digest. */
export type FetchedManifest = { mediaType: string; digest: string; bytes: Uint8Array<ArrayBuffer> };

/** Reading from registries by the OCI distribution protocol, with credentials, trust and proxies already seen to. */
export type RegistryReader = {
  /** The manifest or index behind a tag or digest; undefined if there is none. */
  manifest(image: ImageReference): Promise<FetchedManifest | undefined>;
  /** A blob whole, its size bounded by `maxBytes` and its digest checked. */
  blob(image: ImageReference, options: { descriptor: Descriptor; maxBytes: number }): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * What refers to a manifest: by the referrers API, or where a registry lacks it, by the tag `sha256-<hex>` (OCI
   * distribution specification, referrers tag schema). Empty if nothing does.
   */
  referrers(image: ImageReference, options: { digest: string; artifactType?: string }): Promise<Descriptor[]>;
};
