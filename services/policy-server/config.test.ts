import { readFile } from "node:fs/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import { parseCli } from "../../runtime/cli/cli.ts";
import { longName } from "../../runtime/cli/flag-table.ts";
import { type Config, configOf } from "./config.ts";
import { flags } from "./flags.ts";

function configFrom(argv: string[], env: Record<string, string> = {}): Config {
  const values = parseCli({ name: "policy-server", description: "", flags }, argv, env);
  assert.ok(values);
  return configOf(values, env);
}

test("config: without flags and variables it is upstream's default", () => {
  assert.equal(configFrom([]), {
    host: "0.0.0.0",
    port: 3000,
    readinessPort: 8081,
    workers: navigator.hardwareConcurrency,
    policiesFile: "policies.yml",
    sourcesFile: undefined,
    verificationFile: undefined,
    policiesDownloadDir: ".",
    dockerConfigDir: undefined,
    sigstoreCacheDir: "sigstore-data",
    sigstoreTrustConfigFile: undefined,
    alwaysAcceptNamespace: undefined,
    policyTimeoutMs: 2000,
    shutdownDelayMs: 10_000,
    continueOnErrors: false,
    maxWaiting: 1024,
    memoryLimitMiB: 128,
    ignoreKubernetesConnectionFailure: false,
    policiesPullPolicy: "auto",
    dockerConfigIsOptional: true,
    proxies: { httpProxy: undefined, httpsProxy: undefined, noProxy: undefined },
    pushMetrics: false,
    pushTraces: false,
    enablePprof: false,
    maxConnections: 4096,
    confineNamespacedPolicies: false,
    contextCacheLimitMiB: 256,
  });
});

const accepted: [string[], Record<string, string>, Partial<Config>][] = [
  [["--addr", "::1"], {}, { host: "::1" }],
  [["--policies-pull-policy", "ifnotpresent"], {}, { policiesPullPolicy: "IfNotPresent" }],
  [[], { KUBEWARDEN_POLICIES_PULL_POLICY: "Always" }, { policiesPullPolicy: "Always" }],
  [[], { HOME: "/h" }, { dockerConfigDir: "/h/.docker", dockerConfigIsOptional: true }],
  [[], { HOME: "/h", DOCKER_CONFIG: "/d" }, { dockerConfigDir: "/d", dockerConfigIsOptional: false }],
  [
    [],
    { HTTPS_PROXY: "http://p:1", no_proxy: "a" },
    { proxies: { httpProxy: undefined, httpsProxy: "http://p:1", noProxy: "a" } },
  ],
  [["--addr", "[::1]"], { KUBEWARDEN_BIND_ADDRESS: "10.0.0.1" }, { host: "::1" }],
  [[], { KUBEWARDEN_BIND_ADDRESS: "10.0.0.1", KUBEWARDEN_PORT: "0" }, { host: "10.0.0.1", port: 0 }],
  [["--policy-timeout", "18446744073709551615"], {}, { policyTimeoutMs: 2_000_000_000 }],
  [["--disable-timeout-protection"], { KUBEWARDEN_POLICY_TIMEOUT: "5" }, { policyTimeoutMs: undefined }],
  [[], { KUBEWARDEN_CONTINUE_ON_ERRORS: "YES" }, { continueOnErrors: true }],
  [["--continue-on-errors=false"], { KUBEWARDEN_CONTINUE_ON_ERRORS: "1" }, { continueOnErrors: false }],
  [["--log-fmt", "otlp"], { KUBEWARDEN_ENABLE_METRICS: "true" }, { pushMetrics: true, pushTraces: true }],
  [["--namespaced-policies-own-namespace-only"], {}, { confineNamespacedPolicies: true }],
  [[], { KUBEWARDEN_CONTEXT_CACHE_LIMIT: "64" }, { contextCacheLimitMiB: 64 }],
  [["--ignore-kubernetes-connection-failure=true"], {}, { ignoreKubernetesConnectionFailure: true }],
  [
    ["--docker-config-json-path", "/d", "--sigstore-trust-config", "/t", "--sigstore-cache-dir", "/c"],
    { KUBEWARDEN_POLICIES_DOWNLOAD_DIR: "/tmp" },
    { dockerConfigDir: "/d", sigstoreTrustConfigFile: "/t", sigstoreCacheDir: "/c", policiesDownloadDir: "/tmp" },
  ],
  [
    ["--client-ca-file", "a,b", "--client-ca-file", "c"],
    { KUBEWARDEN_CERT_FILE: "crt", KUBEWARDEN_KEY_FILE: "key" },
    { tls: { certFile: "crt", keyFile: "key", clientCaFiles: ["a", "b", "c"] } },
  ],
];
for (const [argv, env, expected] of accepted) {
  test(`config: ${argv.join(" ")} with ${JSON.stringify(env)} gives ${JSON.stringify(expected)}`, () => {
    const config = configFrom(argv, env);
    const found = Object.fromEntries(Object.keys(expected).map((key) => [key, config[key as keyof Config]]));
    assert.equal(found, expected);
  });
}

test("AT-033: --enable-pprof, --log-no-color, --daemon and --enable-metrics are true where given, else false", () => {
  const values = (argv: string[]) => {
    const { enablePprof, logNoColor, daemon, enableMetrics } =
      parseCli({ name: "policy-server", description: "", flags }, argv, {}) ?? {};
    return [enablePprof, logNoColor, daemon, enableMetrics];
  };
  assert.equal(values([]), [false, false, false, false]);
  const names = ["--enable-pprof", "--log-no-color", "--daemon", "--enable-metrics"];
  assert.equal(values(names), [true, true, true, true]);
  for (const [index, name] of names.entries()) {
    assert.equal(values([name]), names.map((_, each) => each === index));
  }
});

const refused: [string, string, RegExp][] = [
  ["--addr localhost", "CONFIG_INVALID", /^error parsing arguments: --addr: "localhost" is no IP address$/],
  ["--addr [127.0.0.1]", "CONFIG_INVALID", /^error parsing arguments: /],
  ["--port 65536", "CONFIG_INVALID", /^error parsing arguments: --port: "65536" is no port number$/],
  ["--port http", "CONFIG_INVALID", /^error parsing arguments: /],
  ["--readiness-probe-port -1", "CONFIG_INVALID", /^error parsing arguments: --readiness-probe-port: "-1"/],
  ["--port 8081", "CONFIG_INVALID", /^error parsing arguments: .* are both 8081$/],
  ["--workers 0", "USAGE", /at least one evaluation must be able to run$/],
  ["--policy-timeout 0", "USAGE", /--disable-timeout-protection takes the limit away$/],
  ["--policy-timeout 1.5", "USAGE", /expected a whole number from 1 to 18446744073709551615$/],
  ["--policies=", "USAGE", /expected a path$/],
  ["--client-ca-file a", "CONFIG_INVALID", /^client CA certificate requires server certificate and key/],
  ["--client-ca-file ,", "USAGE", /expected at least 1$/],
  ["--cert-file a", "CONFIG_INVALID", /^both certificate and key must be provided together$/],
];
for (const [args, code, message] of refused) {
  test(`config: ${args} is refused`, () => {
    assert.throws(
      () => configFrom(args.split(" ")),
      (error: unknown) => error instanceof KubewardenError && error.code === code && message.test(error.message),
    );
  });
}

test("config: the README lists every flag that help shows, with its variable", async () => {
  const readme = await readFile(new URL("README.md", import.meta.url), "utf8");
  for (const [name, flag] of Object.entries(flags)) {
    if ("hidden" in flag && flag.hidden) continue;
    assert.ok(readme.includes(`\`--${longName(name, flag)}\``), name);
    assert.ok(readme.includes(`\`${flag.env}\``), name);
  }
});

test.run();
