import type { Log } from "../../../../runtime/telemetry/log.ts";
import type { Config } from "../../config.ts";
import { readVerification } from "../../policies/read-config.ts";
import type { VerifyImage } from "../fetch.ts";
import { imageVerifier } from "./image-verifier.ts";
import { moduleVerifier } from "./module-verifier.ts";
import { trustRoot } from "./trust-root.ts";

type VerificationFiles = Pick<Config, "verificationFile" | "sigstoreTrustConfigFile" | "sigstoreCacheDir">;

/**
 * How modules are verified here; undefined if the operator requires nothing. The trust root is got when the first module
 * needs it. Throws VERIFICATION_FILE_INVALID; VERIFICATION_FAILED if a key in it cannot be read.
 */
export async function verificationOf(
  { verificationFile, sigstoreTrustConfigFile, sigstoreCacheDir }: VerificationFiles,
  log: Log,
): Promise<VerifyImage | undefined> {
  const requirements = await readVerification(verificationFile);
  if (requirements === undefined) return undefined;
  const trust = trustRoot({ trustConfigFile: sigstoreTrustConfigFile, cacheDir: sigstoreCacheDir });
  return moduleVerifier(requirements, { verifyImage: imageVerifier({ trustRoot: trust, log }), log });
}
