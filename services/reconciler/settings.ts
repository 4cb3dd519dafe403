// pure

/** What the reconciler's own flags say about every policy server. */
export type Settings = {
  /** Namespace of everything a PolicyServer owns. */
  namespace: string;
  /** Policy servers accept every request about that namespace. */
  alwaysAcceptNamespace: boolean;
  /** Secrets the kubelet pulls the policy-server image with. */
  imagePullSecrets: readonly string[];
};
