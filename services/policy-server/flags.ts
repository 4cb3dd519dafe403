import type { FlagValues } from "../../runtime/cli/flag-table.ts";
import { booleanFlag, choiceFlag, integerFlag, listFlag, textFlag } from "../../runtime/cli/flags.ts";
import { pullPolicies, type PullPolicy } from "./modules/store/pull-policy.ts";

const maxU64 = 2n ** 64n - 1n;

const env = (name: string) => ({ env: `KUBEWARDEN_${name}` });
const listening = { group: "Listening:" };
const policies = { group: "Policies:" };
const supply = { group: "Modules and signatures:" };
const evaluation = { group: "Evaluation:" };
const logging = { group: "Logs, metrics and traces:" };
const daemon = { group: "Daemon:" };

/** Upstream's flags and environment variables (reference/policy-server.md 1.1). */
export const flags = {
  addr: textFlag("address to listen on, IPv4 or IPv6, no name", "0.0.0.0", {
    ...env("BIND_ADDRESS"),
    ...listening,
    placeholder: "ip",
  }),
  port: textFlag("port of the API", "3000", { ...env("PORT"), ...listening, placeholder: "number" }),
  readinessProbePort: textFlag("port of GET /readiness", "8081", {
    ...env("READINESS_PROBE_PORT"),
    ...listening,
    placeholder: "number",
  }),
  certFile: pathFlag("certificate (PEM); without it the API is plain HTTP", env("CERT_FILE"), listening),
  keyFile: pathFlag("private key of the certificate (PEM)", env("KEY_FILE"), listening),
  clientCaFile: listFlag(
    "CA certificates (PEM), separated by commas or in several flags; clients must show a certificate of one of them",
    { ...env("CLIENT_CA_FILE"), ...listening, placeholder: "path,...", min: 1 },
  ),
  maxConnections: integerFlag("open connections to the API", 4096, {
    ...env("MAX_CONNECTIONS"),
    ...listening,
    min: 1,
  }),
  enablePprof: booleanFlag("serve profiles below /debug/pprof on the probe port", false, {
    ...env("ENABLE_PPROF"),
    ...listening,
  }),
  shutdownDelay: {
    description: "seconds to go on accepting requests after SIGTERM, until no API server calls this pod any more",
    fallback: 10,
    placeholder: "seconds",
    parse: parseSeconds,
    ...env("SHUTDOWN_DELAY"),
    ...listening,
  },
  policies: pathFlag("the policies to serve", env("POLICIES"), { ...policies, fallback: "policies.yml" }),
  alwaysAcceptAdmissionReviewsOnNamespace: textFlag("a namespace whose requests are always accepted", "", {
    ...env("ALWAYS_ACCEPT_ADMISSION_REVIEWS_ON_NAMESPACE"),
    ...policies,
    placeholder: "name",
  }),
  continueOnErrors: booleanFlag("serve the policies that load, and answer for the others with their error", false, {
    ...env("CONTINUE_ON_ERRORS"),
    ...policies,
    hidden: true,
  }),
  ignoreKubernetesConnectionFailure: booleanFlag(
    "start also if policies ask a cluster and there is no access to one; they are told so",
    false,
    { ...env("IGNORE_KUBERNETES_CONNECTION_FAILURE"), ...policies },
  ),
  namespacedPoliciesOwnNamespaceOnly: booleanFlag(
    "policies of a namespace may ask the cluster about that namespace only",
    false,
    { ...env("NAMESPACED_POLICIES_OWN_NAMESPACE_ONLY"), ...policies },
  ),
  contextCacheLimit: integerFlag("MiB of memory for copies of the cluster objects that policies list", 256, {
    ...env("CONTEXT_CACHE_LIMIT"),
    ...policies,
    min: 1,
    max: 65_536,
  }),
  sourcesPath: pathFlag("where modules may come from", env("SOURCES_PATH"), supply),
  policiesPullPolicy: {
    description:
      "when a module that is in the download folder is asked for again: auto is for the tag latest only; a digest never is",
    fallback: "auto" as PullPolicy,
    placeholder: pullPolicies.join("|"),
    parse: parsePullPolicy,
    ...env("POLICIES_PULL_POLICY"),
    ...supply,
  },
  policiesDownloadDir: pathFlag(
    "folder in which modules are kept; one that cannot be written to is only read",
    env("POLICIES_DOWNLOAD_DIR"),
    { ...supply, fallback: "." },
  ),
  dockerConfigJsonPath: pathFlag(
    "folder of a config.json with credentials of registries; default: where Docker has it",
    env("DOCKER_CONFIG_JSON_PATH"),
    supply,
  ),
  verificationPath: pathFlag(
    "signature requirements (verification.yml): only modules that meet them are run",
    env("VERIFICATION_CONFIG_PATH"),
    supply,
  ),
  sigstoreCacheDir: pathFlag(
    "folder where Sigstore's trust root is kept once fetched; made when missing",
    env("SIGSTORE_CACHE_DIR"),
    { ...supply, fallback: "sigstore-data" },
  ),
  sigstoreTrustConfig: pathFlag(
    "Sigstore ClientTrustConfig (JSON) whose trust root counts instead of the public one",
    env("SIGSTORE_TRUST_CONFIG_PATH"),
    supply,
  ),
  policyMemoryLimit: integerFlag(
    "MiB of memory that a guest may have; a module that starts with more is refused",
    128,
    {
      ...env("POLICY_MEMORY_LIMIT"),
      ...evaluation,
      min: 1,
      max: 4096,
    },
  ),
  maxWaitingRequests: integerFlag("evaluations that may wait for a free worker; more are answered with 429", 1024, {
    ...env("MAX_WAITING_REQUESTS"),
    ...evaluation,
    min: 1,
  }),
  workers: integerFlag("evaluations at the same time", navigator.hardwareConcurrency, {
    ...env("WORKERS"),
    ...evaluation,
    min: 1,
    fallbackText: "number of CPUs",
    tooSmall: "at least one evaluation must be able to run",
  }),
  policyTimeout: integerFlag("seconds an evaluation may take; a policy's timeoutEvalSeconds wins", 2, {
    ...env("POLICY_TIMEOUT"),
    ...evaluation,
    min: 1,
    max: maxU64,
    tooSmall: "without time no policy can answer; --disable-timeout-protection takes the limit away",
  }),
  disableTimeoutProtection: booleanFlag("no limit for policies that name none of their own", false, {
    ...env("DISABLE_TIMEOUT_PROTECTION"),
    ...evaluation,
  }),
  logLevel: choiceFlag("least level that is logged", ["trace", "debug", "info", "warn", "error"], "info", {
    ...env("LOG_LEVEL"),
    ...logging,
  }),
  logFmt: choiceFlag("format of log lines; otlp logs as text and pushes traces", ["text", "json", "otlp"], "text", {
    ...env("LOG_FMT"),
    ...logging,
  }),
  enableMetrics: booleanFlag("push metrics by OTLP; GET /metrics on the probe port is there anyway", false, {
    ...env("ENABLE_METRICS"),
    ...logging,
  }),
  logNoColor: {
    ...booleanFlag("no colours; without it, log lines as text have them on a terminal", false, logging),
    env: "NO_COLOR",
    // By its convention (no-color.org) the variable counts whatever its value is.
    parseEnv: () => true,
  },
  daemon: booleanFlag("go to the background once the policies are loaded", false, { ...env("DAEMON"), ...daemon }),
  daemonPidFile: pathFlag("file for the process id", env("DAEMON_PID_FILE"), {
    ...daemon,
    fallback: "policy-server.pid",
  }),
  daemonStdoutFile: pathFlag("file for standard output; without it, it is lost", env("DAEMON_STDOUT_FILE"), daemon),
  daemonStderrFile: pathFlag("file for standard error; without it, it is lost", env("DAEMON_STDERR_FILE"), daemon),
};

export type Flags = FlagValues<typeof flags>;

function pathFlag(
  description: string,
  { env }: { env: string },
  { fallback = "", ...common }: { group: string; fallback?: string },
) {
  const parse = (text: string) => {
    if (text === "" || text.includes("\0")) throw new Error("expected a path");
    return text;
  };
  return { ...textFlag(description, fallback, { env, ...common, placeholder: "path" }), parse };
}

/** `10`, `0.5`, `10s`. */
function parseSeconds(text: string): number {
  const [, seconds] = /^(\d+(?:\.\d+)?)s?$/.exec(text) ?? [];
  if (seconds === undefined) throw new Error("expected a number of seconds");
  return Number(seconds);
}

/** In any case of letters. */
function parsePullPolicy(text: string): PullPolicy {
  const found = pullPolicies.find((each) => each.toLowerCase() === text.toLowerCase());
  if (found === undefined) throw new Error(`expected one of ${pullPolicies.join(", ")}`);
  return found;
}
