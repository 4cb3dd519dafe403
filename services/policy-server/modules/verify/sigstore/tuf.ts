import { getTrustedRoot, type TUFOptions } from "@sigstore/tuf";
import { KubewardenError, messageOf } from "../../../../../contracts/errors.ts";
import { completeNodeCrypto } from "../../../../../runtime/node-crypto.ts";
import { type Trust, usable } from "./trusted-root.ts";

/** Another repository than Sigstore's public one, with the root of its own that is trusted to begin with. */
export type TufRepository = { url: string; rootFile: string };

export type TufOptions = {
  /** Made when missing. */
  cacheDir: string;
  repository?: TufRepository | undefined;
  timeoutMs: number;
};

/**
 * The trust root of a TUF repository. Where it cannot be reached, what was fetched before counts until the metadata
 * expires. Throws TRUST_ROOT_UNAVAILABLE.
 */
export async function trustFromTuf({ cacheDir, repository, timeoutMs }: TufOptions): Promise<Trust> {
  completeNodeCrypto();
  const options: TUFOptions = {
    cachePath: cacheDir,
    timeout: timeoutMs,
    retry: { retries: 1, minTimeout: 100 },
    ...(repository && { mirrorURL: repository.url, rootPath: repository.rootFile }),
  };
  try {
    return usable(
      await getTrustedRoot(options).catch(() => getTrustedRoot({ ...options, forceCache: true, retry: 0 })),
    );
  } catch (cause) {
    const message = isOfFolder(cause)
      ? `Cannot create directory to cache sigstore data: ${messageOf(cause)}`
      : `the Sigstore trust root cannot be fetched: ${reasonsOf(cause)}`;
    throw new KubewardenError("TRUST_ROOT_UNAVAILABLE", message, { cause });
  }
}

function isOfFolder(error: unknown): boolean {
  return error instanceof Error && (error as { syscall?: unknown }).syscall === "mkdir";
}

/** The library's own words say only what it was doing. */
function reasonsOf(error: unknown): string {
  const texts: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) if (each.message) texts.push(each.message);
  return [...new Set(texts)].join(": ");
}
