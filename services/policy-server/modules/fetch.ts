import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import type { SourcesFile } from "../../../contracts/policy-config.ts";
import { readBytes } from "../../../runtime/files.ts";
import { download } from "../../../runtime/net.ts";
import { authoritiesFor } from "./authorities.ts";

/** Larger than any module known; bounds what one URL can make the server hold. */
export const maxModuleBytes = 64 * 1024 * 1024;

export type FetchOptions = { sources: SourcesFile; signal: AbortSignal };

/**
 * The bytes of the module behind a URL: `file://`, `https://`, and `http://` where the host is listed as insecure
 * (reference/policy-server.md 3.3). Throws MODULE_FETCH_FAILED; MODULE_INVALID if it is no WebAssembly.
 */
export async function fetchModule(url: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await bytesOf(url, options);
  if (![0x00, 0x61, 0x73, 0x6d].every((byte, index) => bytes[index] === byte)) {
    throw new KubewardenError(
      "MODULE_INVALID",
      `invalid wasm file: ${bytes.length} bytes that do not start as wasm does`,
    );
  }
  return bytes;
}

async function bytesOf(url: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  // Text without a scheme names an image in a registry.
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase() ?? "registry";
  if (scheme === "registry") throw failed("modules from registries are not available yet in this policy server");
  if (!["file", "http", "https"].includes(scheme)) throw failed(`unknown scheme "${scheme}"`);
  if (!URL.canParse(url)) throw failed("invalid URL");
  const target = new URL(url);
  try {
    return scheme === "file" ? await fileBytes(target) : await downloaded(target, options);
  } catch (error) {
    throw error instanceof KubewardenError && error.code.startsWith("MODULE_")
      ? error
      : failed(messageOf(error), error);
  }
}

async function fileBytes(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readBytes(decodeURIComponent(url.pathname));
  if (bytes.length > maxModuleBytes) throw failed(`larger than ${maxModuleBytes} bytes`);
  return bytes;
}

/** A secure host is asked by HTTPS only; an insecure one by verified HTTPS, any HTTPS, plain HTTP, in this order. */
async function downloaded(url: URL, { sources, signal }: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  const secure = url.href.replace(/^http:/, "https:"), plain = url.href.replace(/^https:/, "http:");
  const ca = await authoritiesFor(url.host, sources);
  const limits = { maxBytes: maxModuleBytes, signal };
  if (!sources.insecureSources.has(url.host)) {
    if (url.protocol === "http:") throw failed(`the host "${url.host}" is not listed in insecure_sources`);
    return await download(secure, { ...limits, ca });
  }
  const attempts: (() => Promise<Uint8Array<ArrayBuffer>>)[] = [
    () => download(secure, { ...limits, ca }),
    () => download(secure, { ...limits, insecure: true }),
    () => download(plain, limits),
  ];
  const problems: string[] = [];
  for (const attempt of attempts) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      problems.push(messageOf(error));
    }
  }
  throw failed([...new Set(problems)].join("; "));
}

function failed(message: string, cause?: unknown): KubewardenError {
  return new KubewardenError("MODULE_FETCH_FAILED", message, { cause });
}
