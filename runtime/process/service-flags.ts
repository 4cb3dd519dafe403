import { KubewardenError } from "../../contracts/errors.ts";
import type { FlagValues } from "../cli/flag-table.ts";
import { booleanFlag, choiceFlag, durationFlag, integerFlag, textFlag } from "../cli/flags.ts";
import { logLevels } from "../telemetry/log.ts";

/** Flags of every controller process. */
export const commonFlags = {
  deploymentsNamespace: textFlag("namespace of policy servers and of the Lease", "kubewarden", {
    env: "KUBEWARDEN_DEPLOYMENTS_NAMESPACE",
  }),
  healthProbeBindAddress: textFlag("address of /healthz and /readyz, 0 for none", ":8081", {
    env: "KUBEWARDEN_HEALTH_PROBE_BIND_ADDRESS",
  }),
  metricsBindAddress: textFlag("address of /metrics, 0 for none", ":8080", { env: "KUBEWARDEN_METRICS_BIND_ADDRESS" }),
  enableMetrics: booleanFlag(
    "push metrics by OTLP, to where OTEL_EXPORTER_OTLP_* says; /metrics is there anyway",
    false,
    { env: "KUBEWARDEN_ENABLE_METRICS" },
  ),
  leaderElect: booleanFlag("work only while holding the Lease", true, { env: "KUBEWARDEN_LEADER_ELECT" }),
  leaseDuration: durationFlag("how long others wait for a silent leader", "15s", { env: "KUBEWARDEN_LEASE_DURATION" }),
  leaseRenewDeadline: durationFlag("a leader that cannot renew for so long stops", "10s", {
    env: "KUBEWARDEN_LEASE_RENEW_DEADLINE",
  }),
  leaseRetryPeriod: durationFlag("time between attempts at the Lease", "2s", { env: "KUBEWARDEN_LEASE_RETRY_PERIOD" }),
  kubeApiQps: integerFlag("requests a second to the Kubernetes API, once the burst is used up", 50, {
    min: 1,
    max: 100_000,
    env: "KUBEWARDEN_KUBE_API_QPS",
  }),
  kubeApiBurst: integerFlag("requests to the Kubernetes API that need not wait after a pause", 100, {
    min: 1,
    max: 100_000,
    env: "KUBEWARDEN_KUBE_API_BURST",
  }),
  kubeconfig: textFlag("path of a kubeconfig; default KUBECONFIG, then the pod's ServiceAccount", "", {
    placeholder: "path",
  }),
  logLevel: choiceFlag("least level that is logged", logLevels, "info", { env: "KUBEWARDEN_LOG_LEVEL" }),
  logFmt: choiceFlag("format of log lines", ["json", "text"], "json", { env: "KUBEWARDEN_LOG_FMT" }),
};

/** For services whose replicas may share the work. */
export const sharingFlags = {
  sharding: booleanFlag(
    "replicas divide the work among them instead of standing by; every one must be started so",
    false,
    {
      env: "KUBEWARDEN_SHARDING",
    },
  ),
};

/** What every controller process understands. */
export type CommonOptions = FlagValues<typeof commonFlags>;

/** Throws `USAGE` for times at which two could lead at once. */
export function checkLeaseTimes({ leaseRetryPeriod, leaseRenewDeadline, leaseDuration }: CommonOptions): void {
  if (leaseRetryPeriod < leaseRenewDeadline && leaseRenewDeadline < leaseDuration) return;
  throw new KubewardenError("USAGE", "expected lease-retry-period < lease-renew-deadline < lease-duration");
}
