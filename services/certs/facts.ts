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
  /** Whether labels (and for a serving Secret the ownerReference) are as they should be. */
  metadataInPlace: boolean;
};

/** The certificate authority. */
export type AuthorityFacts = {
  /** Secret `kubewarden-ca`. */
  secret?: SecretFacts;
  /** Set when somebody else provides the authority: nothing is ever issued in its place. */
  provided?: ProvidedFacts;
  /** Whom new certificates are signed by, also when it cannot sign. */
  current?: CertificateFacts;
  /** When `current` came into use. */
  inUseSince?: Date;
  /** What leads from `current` to its root, where it has one above it. */
  chain: CertificateFacts[];
  /** Why `current` cannot sign (times apart): a sentence for a person. */
  problem?: string;
  /** `old-ca.crt`: authorities that are still trusted and sign nothing more. */
  old: CertificateFacts[];
  /**
   * `ca.crt` of `kubewarden-ca`. Audit scanners trust it, and policy servers trust clients by it, so that `old` belongs
   * in it as well while certificates of both are in use.
   */
  listed: CertificateFacts[];
  /** Whether `listed` begins with `current` and its chain and names nobody else but `old`. */
  isListed: boolean;
  /** What `status.caBundle` is to say: `current`, its chain, then `old`. Only when `current` can sign. */
  bundle?: { pem: string; digest: string };
  /** The authorities in the `status.caBundle` of every PolicyServer that has one and stays. */
  published: CertificateFacts[][];
};

/** Where an authority that somebody else provides comes from. */
export type ProvidedFacts = {
  secretName: string;
  resourceVersion?: string;
  /** Whether that is another Secret than `kubewarden-ca`, which then carries a copy of the certificates. */
  elsewhere: boolean;
};

/** A certificate that an authority of ours signed, in its Secret. */
export type LeafFacts = {
  secret?: SecretFacts;
  certificate?: CertificateFacts;
  /** The trusted authority that signed it, out of `current` and `old`. */
  issuer?: CertificateFacts;
  /** Why it cannot be used (times apart): a sentence for a person. */
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

/** The client certificate of audit scanners. */
export type AuditFacts = {
  secretName: string;
  /** When this process first saw that every serving certificate is of the present authority. */
  followedSince?: Date;
  leaf: LeafFacts;
};

/** Everything one pass knows: about one PolicyServer, or about the client certificate. */
export type Observed = ServerPass | AuditPass;

export type ServerPass = PassFacts & { about: "server"; server: ServerFacts };
export type AuditPass = PassFacts & { about: "audit"; audit: AuditFacts };

type PassFacts = {
  namespace: string;
  /** How long after a confirmation webhooks may still be called with the former bundle. */
  settleMs: number;
  authority: AuthorityFacts;
  /** The API server's words when it refused to store what was issued in this pass. */
  refusal?: { of: "authority" | "leaf"; message: string };
};
