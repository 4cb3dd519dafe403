import { KubewardenError } from "../../../../contracts/errors.ts";
import { type Clock, systemClock } from "../../../../runtime/clock.ts";
import { readTrustConfig } from "../../policies/read-config.ts";
import { type Trust, trustFrom } from "./sigstore/trusted-root.ts";
import { trustFromTuf, type TufRepository } from "./sigstore/tuf.ts";

// Many policies ask one after the other; each attempt may take seconds.
const forgetFailureMs = 60_000;
const tufTimeoutMs = 5_000;

export type TrustRootOptions = {
  /** A ClientTrustConfig; with it TUF is not asked. */
  trustConfigFile?: string | undefined;
  cacheDir: string;
  /** Sigstore's public one if none is named. */
  repository?: TufRepository;
  clock?: Clock;
};

/**
 * The Sigstore trust root, got when first asked for and then kept; a failure is kept for a minute. Whoever gets none must
 * not believe anything that needs it: upstream runs modules unverified then (reference/policy-server.md 1.8.4). The
 * function throws TRUST_ROOT_UNAVAILABLE.
 */
export function trustRoot(options: TrustRootOptions): () => Promise<Trust> {
  const { clock = systemClock } = options;
  let known: { trust: Promise<Trust>; until: number } | undefined;
  return async () => {
    if (known !== undefined && clock.now() < known.until) return await known.trust;
    const attempt = { trust: get(options), until: Infinity };
    known = attempt;
    attempt.trust.catch(() => attempt.until = clock.now() + forgetFailureMs);
    return await attempt.trust;
  };
}

async function get({ trustConfigFile, cacheDir, repository }: TrustRootOptions): Promise<Trust> {
  if (trustConfigFile === undefined) return await trustFromTuf({ cacheDir, repository, timeoutMs: tufTimeoutMs });
  const trustedRoot = await readTrustConfig(trustConfigFile);
  try {
    return trustFrom(trustedRoot);
  } catch (cause) {
    const message = `Sigstore trust config file "${trustConfigFile}": ${(cause as Error).message}`;
    throw new KubewardenError("TRUST_ROOT_UNAVAILABLE", message, { cause });
  }
}
