// pure
import { KubewardenError } from "../../../contracts/errors.ts";
import { parseImageReference } from "./registry/image-reference.ts";
import type { ImageReference } from "./registry-reader.ts";

/** Where a module is, as `module` of a policy says. */
export type ModuleUrl =
  | { scheme: "file"; path: string }
  | { scheme: "http" | "https"; url: URL }
  | { scheme: "registry"; image: ImageReference };

/** Reads a module's URL; text without a scheme names an image (reference/policy-server.md 3.3.1). Throws DOWNLOAD_URL_INVALID. */
export function parseModuleUrl(text: string): ModuleUrl {
  const [, scheme = "registry", rest = text] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  switch (scheme.toLowerCase()) {
    case "registry":
      return { scheme: "registry", image: parseImageReference(rest) };
    case "file":
      return { scheme: "file", path: decodeURIComponent(urlOf(text).pathname) };
    case "http":
      return { scheme: "http", url: urlOf(text) };
    case "https":
      return { scheme: "https", url: urlOf(text) };
    default:
      throw new KubewardenError(
        "DOWNLOAD_URL_INVALID",
        `unknown scheme "${scheme}": expected registry, https, http or file`,
      );
  }
}

function urlOf(text: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new KubewardenError("DOWNLOAD_URL_INVALID", "invalid URL");
  return url;
}
