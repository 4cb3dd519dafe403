import { KubewardenError } from "../../../contracts/errors.ts";
import type { Log } from "../../../runtime/log.ts";
import type { RegistryReader } from "../modules/registry-reader.ts";
import type { ImageVerifier } from "../modules/verify/image-verifier.ts";
import type { Trust } from "../modules/verify/sigstore/trusted-root.ts";
import type { ImageTrust } from "./image-trust.ts";

export type SigstoreTrustOptions = {
  /** A reader whose work ends with the signal. */
  readerFor: (signal: AbortSignal) => RegistryReader;
  /** Got once somebody asks for what needs it. */
  trustRoot: () => Promise<Trust>;
  log: Log;
};

/** Verifies images by Sigstore's rules, as modules are verified. Its libraries are loaded by the first who asks. */
export function sigstoreTrust({ readerFor, trustRoot, log }: SigstoreTrustOptions): ImageTrust {
  let verifier: Promise<ImageVerifier> | undefined;
  const load = async () => {
    const { imageVerifier } = await import("../modules/verify/image-verifier.ts");
    return imageVerifier({ trustRoot, log });
  };
  return {
    async bySigners(image, { allOf, signal }) {
      verifier ??= load();
      const verify = await verifier;
      const { digest } = await verify(image, { registry: readerFor(signal), requirements: { allOf: [...allOf] } });
      return digest;
    },
    byCertificate() {
      const message = "SigstoreCertificateVerify is not available yet in this policy server";
      return Promise.reject(new KubewardenError("VERIFICATION_FAILED", message));
    },
  };
}

/** The trust root of this server's flags. */
export function lazyTrustRoot(
  { sigstoreTrustConfigFile, sigstoreCacheDir }: {
    sigstoreTrustConfigFile?: string | undefined;
    sigstoreCacheDir: string;
  },
): () => Promise<Trust> {
  let root: Promise<() => Promise<Trust>> | undefined;
  const load = async () => {
    const { trustRoot } = await import("../modules/verify/trust-root.ts");
    return trustRoot({ trustConfigFile: sigstoreTrustConfigFile, cacheDir: sigstoreCacheDir });
  };
  return async () => await (await (root ??= load()))();
}
