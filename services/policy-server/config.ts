import { KubewardenError } from "../../contracts/errors.ts";
import { longestLimitSeconds } from "../../contracts/policy-config.ts";
import { isIpAddress } from "../../runtime/net/address.ts";
import { proxiesOf, type ProxySettings } from "../../runtime/net/proxy.ts";
import type { Flags } from "./flags.ts";
import type { PullPolicy } from "./modules/store/pull-policy.ts";

/** Settings of one server, checked. Times are in milliseconds. */
export type Config = {
  host: string;
  port: number;
  readinessPort: number;
  workers: number;
  maxWaiting: number;
  memoryLimitMiB: number;
  tls?: { certFile: string; keyFile: string; clientCaFiles: readonly string[] };
  policiesFile: string;
  sourcesFile?: string | undefined;
  verificationFile?: string | undefined;
  policiesDownloadDir: string;
  policiesPullPolicy?: PullPolicy;
  /** Folder of config.json: as configured, or where Docker has it, then there may be none. */
  dockerConfigDir?: string | undefined;
  dockerConfigIsOptional?: boolean;
  /** Of the environment; sources.yml may name others. */
  proxies?: ProxySettings;
  sigstoreCacheDir: string;
  sigstoreTrustConfigFile?: string | undefined;
  alwaysAcceptNamespace?: string | undefined;
  policyTimeoutMs: number | undefined;
  shutdownDelayMs: number;
  continueOnErrors: boolean;
  ignoreKubernetesConnectionFailure: boolean;
  confineNamespacedPolicies: boolean;
  contextCacheLimitMiB: number;
  /** By OTLP; where to is up to OpenTelemetry's environment variables. Default: not. */
  pushMetrics?: boolean;
  pushTraces?: boolean;
  enablePprof?: boolean;
  /** Default 4096. */
  maxConnections?: number;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Checks what single flags cannot, and adds what the environment says besides. Throws CONFIG_INVALID. */
export function configOf(values: Flags, env: Environment = {}): Config {
  const tls = tlsOf(values);
  return {
    ...addressesOf(values),
    workers: values.workers,
    maxWaiting: values.maxWaitingRequests,
    memoryLimitMiB: values.policyMemoryLimit,
    ...(tls === undefined ? {} : { tls }),
    policiesFile: values.policies,
    sourcesFile: values.sourcesPath || undefined,
    verificationFile: values.verificationPath || undefined,
    policiesDownloadDir: values.policiesDownloadDir,
    policiesPullPolicy: values.policiesPullPolicy,
    dockerConfigDir: values.dockerConfigJsonPath || env["DOCKER_CONFIG"] || (env["HOME"] && `${env["HOME"]}/.docker`) ||
      undefined,
    dockerConfigIsOptional: !values.dockerConfigJsonPath && !env["DOCKER_CONFIG"],
    proxies: proxiesOf(env),
    sigstoreCacheDir: values.sigstoreCacheDir,
    sigstoreTrustConfigFile: values.sigstoreTrustConfig || undefined,
    alwaysAcceptNamespace: values.alwaysAcceptAdmissionReviewsOnNamespace || undefined,
    policyTimeoutMs: values.disableTimeoutProtection
      ? undefined
      : Math.min(values.policyTimeout, longestLimitSeconds) * 1000,
    shutdownDelayMs: values.shutdownDelay * 1000,
    continueOnErrors: values.continueOnErrors,
    ignoreKubernetesConnectionFailure: values.ignoreKubernetesConnectionFailure,
    confineNamespacedPolicies: values.namespacedPoliciesOwnNamespaceOnly,
    contextCacheLimitMiB: values.contextCacheLimit,
    pushMetrics: values.enableMetrics,
    pushTraces: values.logFmt === "otlp",
    enablePprof: values.enablePprof,
    maxConnections: values.maxConnections,
  };
}

/** Upstream reads address and port as one socket address, after the arguments; so these are no usage errors. */
function addressesOf({ addr, port, readinessProbePort }: Flags): Pick<Config, "host" | "port" | "readinessPort"> {
  const fail = (reason: string) => invalid(`error parsing arguments: ${reason}`);
  const host = addr.replace(/^\[(.*:.*)\]$/, "$1");
  if (!isIpAddress(host)) throw fail(`--addr: "${addr}" is no IP address`);
  const portOf = (flag: string, text: string) => {
    if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw fail(`${flag}: "${text}" is no port number`);
    return Number(text);
  };
  const ports = {
    port: portOf("--port", port),
    readinessPort: portOf("--readiness-probe-port", readinessProbePort),
  };
  if (ports.port === ports.readinessPort && ports.port !== 0) {
    throw fail(`--port and --readiness-probe-port are both ${ports.port}`);
  }
  return { host, ...ports };
}

function tlsOf({ certFile, keyFile, clientCaFile }: Flags): Config["tls"] {
  if (certFile !== "" && keyFile !== "") return { certFile, keyFile, clientCaFiles: clientCaFile };
  if (certFile !== "" || keyFile !== "") throw invalid("both certificate and key must be provided together");
  if (clientCaFile.length > 0) {
    throw invalid("client CA certificate requires server certificate and key to be specified");
  }
  return undefined;
}

function invalid(message: string): KubewardenError {
  return new KubewardenError("CONFIG_INVALID", message);
}
