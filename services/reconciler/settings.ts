// pure

/** What the reconciler's own flags say about every policy server. */
export type Settings = {
  /** Namespace of everything a PolicyServer owns. */
  namespace: string;
  /** Policy servers accept every request about that namespace. */
  alwaysAcceptNamespace: boolean;
  /** Secrets the kubelet pulls the policy-server image with. */
  imagePullSecrets: readonly string[];
  /** Pods use the network of their node. */
  hostNetwork: boolean;
  /** ConfigMap with the authority of those who may call policy servers; empty: anybody may. */
  clientCaConfigMap: string;
  telemetry: TelemetrySettings;
};

/** What policy servers are to push by OTLP, and where to. */
export type TelemetrySettings = {
  metrics: boolean;
  traces: boolean;
  /** Port of the metrics Services where a PolicyServer names none, and the one a sidecar exports metrics at. */
  metricsPort: number;
  /** A collector in every pod, put there by the OpenTelemetry operator. */
  sidecar: boolean;
  /** Without a sidecar: the variables that name a collector, and the Secrets they speak of. */
  collector: {
    env: readonly { name: string; value: string }[];
    certificates: readonly { volume: string; secret: string; mountPath: string }[];
  };
};
