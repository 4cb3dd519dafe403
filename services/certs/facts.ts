// pure
import type { ObjectRef, OwnerReference } from "../../contracts/kubernetes.ts";

/** What the rules need to know of one certificate. Times are those of the certificate, `pem` ends with a newline. */
export type CertificateFacts = {
  pem: string;
  /** Hex SHA-256 of the DER bytes: the certificate's identity. */
  fingerprint: string;
  notBefore: Date;
  notAfter: Date;
  isAuthority: boolean;
  dnsNames: string[];
};

/** A Secret as far as deciding needs it: never its private key. */
export type SecretFacts = {
  uid: string;
  resourceVersion: string;
  /** Whether labels (and for a leaf the ownerReference) are as they should be. */
  metadataInPlace: boolean;
};

/** The CA Secret. */
export type AuthorityFacts = {
  secret?: SecretFacts;
  /** `ca.crt`, also when it cannot sign. */
  current?: CertificateFacts;
  /** Why `current` cannot sign: a sentence for a person. */
  problem?: string;
  /** `old-ca.crt`: authorities that are still trusted and sign nothing more. */
  old: CertificateFacts[];
  /** What `status.caBundle` is to say: `current`, then `old`. Only when `current` can sign. */
  bundle?: { pem: string; digest: string };
  /** The authorities in the `status.caBundle` of every PolicyServer that has one. */
  published: CertificateFacts[][];
};

/** The serving Secret of one PolicyServer. */
export type LeafFacts = {
  secret?: SecretFacts;
  certificate?: CertificateFacts;
  /** The trusted authority that signed it, out of `current` and `old`. */
  issuer?: CertificateFacts;
  /** Why it cannot serve (times apart): a sentence for a person. */
  problem?: string;
};

/** One PolicyServer and what it says of its certificates. */
export type ServerFacts = {
  target: ObjectRef & { uid: string };
  owner: OwnerReference;
  generation?: number;
  terminating: boolean;
  secretName: string;
  dnsName: string;
  /** `status.caBundle` as it stands. */
  publishedBundle?: string;
  /** Digest of the bundle that all its webhooks carry, by the webhook-registrar. */
  trustedCaDigest?: string;
  /** When this process first saw the present bundle confirmed. */
  trustedSince?: Date;
  leaf: LeafFacts;
};

/** Everything one pass over one PolicyServer knows. */
export type Observed = {
  namespace: string;
  /** How long after a confirmation webhooks may still be called with the former bundle. */
  settleMs: number;
  authority: AuthorityFacts;
  server: ServerFacts;
  /** The API server's words when it refused to store what was issued in this pass. */
  refusal?: { of: "authority" | "leaf"; message: string };
};
