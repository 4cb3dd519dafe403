import type { Log } from "../../../runtime/telemetry/log.ts";
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
  /** When a certificate is looked at. */
  now?: () => Date;
};

/** Verifies images by Sigstore's rules, as modules are verified. Its libraries are loaded by the first who asks. */
export function sigstoreTrust({ readerFor, trustRoot, log, now = () => new Date() }: SigstoreTrustOptions): ImageTrust {
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
    async byCertificate(image, { certificate: { certificate, chain, mustBeLogged, annotations }, signal }) {
      const { certifiedKey } = await import("./given-certificate.ts");
      const { certificateVerifier } = await import("../modules/verify/certificate-verifier.ts");
      const signer = await certifiedKey({ certificate, chain }, now());
      const registry = readerFor(signal);
      return await certificateVerifier({ trustRoot, log })(image, { registry, signer, mustBeLogged, annotations });
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
