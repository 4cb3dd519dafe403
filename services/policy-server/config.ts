import { KubewardenError } from "../../contracts/errors.ts";
import type { FlagValues } from "../../runtime/cli.ts";
import { booleanFlag, choiceFlag, integerFlag, listFlag, textFlag } from "../../runtime/flags.ts";

const env = (name: string) => ({ env: `KUBEWARDEN_${name}` });
const path = (name: string) => ({ ...env(name), placeholder: "path" });

/** Upstream's flags and environment variables, as far as this server has what they steer (reference/policy-server.md 1.1). */
export const flags = {
  logLevel: choiceFlag(
    "least level that is logged",
    ["trace", "debug", "info", "warn", "error"],
    "info",
    env("LOG_LEVEL"),
  ),
  logFmt: choiceFlag("format of log lines; otlp logs as json", ["text", "json", "otlp"], "text", env("LOG_FMT")),
  addr: textFlag("address to listen on", "0.0.0.0", { ...env("BIND_ADDRESS"), placeholder: "ip" }),
  port: integerFlag("port of the API", 3000, { ...env("PORT"), max: 65535 }),
  readinessProbePort: integerFlag("port of GET /readiness", 8081, { ...env("READINESS_PROBE_PORT"), max: 65535 }),
  workers: integerFlag("evaluations at the same time", navigator.hardwareConcurrency, { ...env("WORKERS"), min: 1 }),
  certFile: textFlag("certificate (PEM); without it the API is plain HTTP", "", path("CERT_FILE")),
  keyFile: textFlag("private key of the certificate (PEM)", "", path("KEY_FILE")),
  clientCaFile: listFlag(
    "CA certificates (PEM); clients must show a certificate of one of them",
    path("CLIENT_CA_FILE"),
  ),
  policies: textFlag("the policies to serve", "policies.yml", path("POLICIES")),
  sourcesPath: textFlag("where modules may come from", "", path("SOURCES_PATH")),
  verificationPath: textFlag(
    "signature requirements; not available yet, so the server refuses to start with it",
    "",
    path("VERIFICATION_CONFIG_PATH"),
  ),
  alwaysAcceptAdmissionReviewsOnNamespace: textFlag(
    "a namespace whose requests are always accepted",
    "",
    env("ALWAYS_ACCEPT_ADMISSION_REVIEWS_ON_NAMESPACE"),
  ),
  policyTimeout: integerFlag("seconds an evaluation may take", 2, { ...env("POLICY_TIMEOUT"), min: 1 }),
  disableTimeoutProtection: booleanFlag(
    "no limit for policies that name none of their own",
    false,
    env("DISABLE_TIMEOUT_PROTECTION"),
  ),
  enablePprof: booleanFlag("serve profiles below /debug/pprof on the probe port", false, env("ENABLE_PPROF")),
  maxConnections: integerFlag("open connections to the API", 4096, { ...env("MAX_CONNECTIONS"), min: 1 }),
  shutdownDelay: {
    description: "seconds to go on accepting requests after SIGTERM, until no API server calls this pod any more",
    fallback: 10,
    placeholder: "seconds",
    parse: parseSeconds,
    ...env("SHUTDOWN_DELAY"),
  },
};

export type Flags = FlagValues<typeof flags>;

/** Settings of one server, checked. Times are in milliseconds. */
export type Config = {
  host: string;
  port: number;
  readinessPort: number;
  workers: number;
  tls?: { certFile: string; keyFile: string; clientCaFiles: readonly string[] };
  policiesFile: string;
  sourcesFile?: string | undefined;
  alwaysAcceptNamespace?: string | undefined;
  policyTimeoutMs: number | undefined;
  shutdownDelayMs: number;
  enablePprof?: boolean;
  /** Default 4096. */
  maxConnections?: number;
};

/** Checks what single flags cannot. Throws CONFIG_INVALID. */
export function configOf(values: Flags): Config {
  if (values.verificationPath !== "") {
    // Serving unverified modules to someone who asked for verification would be worse than not serving.
    throw invalid("signature verification is not available yet: cannot honour the verification configuration");
  }
  const tls = tlsOf(values);
  return {
    host: values.addr.replace(/^\[(.*)\]$/, "$1"),
    port: values.port,
    readinessPort: values.readinessProbePort,
    workers: values.workers,
    ...(tls === undefined ? {} : { tls }),
    policiesFile: values.policies,
    sourcesFile: values.sourcesPath || undefined,
    alwaysAcceptNamespace: values.alwaysAcceptAdmissionReviewsOnNamespace || undefined,
    policyTimeoutMs: values.disableTimeoutProtection ? undefined : values.policyTimeout * 1000,
    shutdownDelayMs: values.shutdownDelay * 1000,
    enablePprof: values.enablePprof,
    maxConnections: values.maxConnections,
  };
}

function tlsOf({ certFile, keyFile, clientCaFile }: Flags): Config["tls"] {
  if (certFile !== "" && keyFile !== "") return { certFile, keyFile, clientCaFiles: clientCaFile };
  if (certFile !== "" || keyFile !== "") throw invalid("both certificate and key must be provided together");
  if (clientCaFile.length > 0) {
    throw invalid("client CA certificate requires server certificate and key to be specified");
  }
  return undefined;
}

/** `10`, `0.5`, `10s`. */
function parseSeconds(text: string): number {
  const [, seconds] = /^(\d+(?:\.\d+)?)s?$/.exec(text) ?? [];
  if (seconds === undefined) throw new Error("expected a number of seconds");
  return Number(seconds);
}

function invalid(message: string): KubewardenError {
  return new KubewardenError("CONFIG_INVALID", message);
}
