// pure
import { KubewardenError } from "../../../../contracts/errors.ts";
import type { ImageReference } from "../registry-reader.ts";

const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
/** Hex digits of the digests that are known. */
const hexLengths: Record<string, number> = { sha256: 64, sha512: 128 };

/**
 * Reads `[host[:port]/]path[:tag][@digest]`, with Docker's short forms: no host is docker.io, one word there is in
 * `library/`, no tag is `latest`; a digest goes before a tag (reference/policy-server.md 3.4.1). Throws
 * DOWNLOAD_URL_INVALID.
 */
export function parseImageReference(text: string): ImageReference {
  const [name = "", ...digests] = text.split("@");
  const [, untagged = name, tag = "latest"] = /^(.+):([^/:]*)$/.exec(name) ?? [];
  const { registry, repository } = placeOf(untagged);
  const invalid = (why: string) => new KubewardenError("DOWNLOAD_URL_INVALID", `invalid image reference: ${why}`);
  if (!/^[\w.-]+(:\d+)?$|^\[[0-9a-f:.]+\](:\d+)?$/i.test(registry)) throw invalid(`"${registry}" is no host`);
  if (!repositoryPattern.test(repository)) throw invalid(`"${repository}" is no name of a repository`);
  if (!tagPattern.test(tag)) throw invalid(`"${tag}" is no tag`);
  const [digest] = digests;
  if (digests.length > 1 || (digest !== undefined && !isDigest(digest))) {
    throw invalid(`"${digests.join("@")}" is no digest (sha256 or sha512)`);
  }
  return { registry, repository, reference: digest ?? tag };
}

function placeOf(name: string): Pick<ImageReference, "registry" | "repository"> {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const hasHost = first.includes(".") || first.includes(":") || first === "localhost";
  const registry = hasHost ? first.replace(/^index\.docker\.io$/, "docker.io") : "docker.io";
  const path = hasHost ? name.slice(slash + 1) : name;
  return { registry, repository: registry === "docker.io" && !path.includes("/") ? `library/${path}` : path };
}

/** `sha256:<64 hex>` or `sha512:<128 hex>`. */
export function isDigest(text: string): boolean {
  const [, algorithm = "", hex = ""] = /^([a-z0-9]+):([0-9a-f]+)$/.exec(text) ?? [];
  return hexLengths[algorithm] === hex.length;
}

/** `host/path:tag` or `host/path@digest`. */
export function imageText({ registry, repository, reference }: ImageReference): string {
  return `${registry}/${repository}${reference.includes(":") ? "@" : ":"}${reference}`;
}

/**
 * What a registry says a pushed manifest is called, as `host/path@digest`. Throws DOWNLOAD_FAILED with upstream's words
 * (reference/policy-server.md 3.4.6).
 */
export function immutableReference(image: ImageReference, manifestUrl: string): string {
  const failed = (message: string) => new KubewardenError("DOWNLOAD_FAILED", message);
  const digest = /\/manifests\/([^/?#]+)$/.exec(URL.parse(manifestUrl)?.pathname ?? "")?.[1];
  if (digest === undefined) {
    throw failed(`Cannot extract manifest digest from the OCI registry response: ${manifestUrl}`);
  }
  const [algorithm = "", hex] = decodeURIComponent(digest).split(":");
  if (hex === undefined) throw failed(`The digest of the returned manifest is not valid: ${digest}`);
  if (hexLengths[algorithm] === undefined) throw failed(`unknown algorithm '${algorithm}' for manifest ${digest}`);
  if (!isDigest(`${algorithm}:${hex}`)) throw failed(`The digest of the returned manifest is not valid: ${digest}`);
  return imageText({ ...image, reference: `${algorithm}:${hex}` });
}
