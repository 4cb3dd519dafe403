import type { DockerConfig } from "../../../contracts/docker-config.ts";
import type { SourcesFile } from "../../../contracts/policy-config.ts";
import { isPresent } from "../../../runtime/files.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import type { ProxySettings } from "../../../runtime/net/proxy.ts";
import { readDockerConfig } from "../policies/read-config.ts";
import { type FetchedModule, fetchModule, type VerifyImage } from "./fetch.ts";
import { credentialsFrom } from "./registry/credentials.ts";
import type { Platform } from "./registry/manifest.ts";
import { type RegistryClient, registryClient } from "./registry/registry-client.ts";
import { registryReader } from "./registry/reader.ts";
import type { RegistryReader } from "./registry-reader.ts";
import { assertAuthorities } from "./sources/authorities.ts";
import { sourceClient } from "./sources/client.ts";
import { type DownloadLimits, downloadLimits } from "./sources/limits.ts";
import { transport } from "./sources/transport.ts";
import { type LoadedModule, moduleLoader } from "./store.ts";
import { ModuleStore } from "./store/module-store.ts";
import type { PullPolicy } from "./store/pull-policy.ts";

export type SupplyOptions = {
  sources: SourcesFile;
  policiesDownloadDir: string;
  policiesPullPolicy?: PullPolicy;
  dockerConfigDir?: string | undefined;
  dockerConfigIsOptional?: boolean;
  /** Of the environment. */
  proxies?: ProxySettings;
  limits?: DownloadLimits;
  log: Log;
  signal: AbortSignal;
};

export type LoaderOptions = {
  serverVersion: string;
  maxMemoryPages: number;
  /** Not optional, so that nobody forgets it and runs what nobody vouches for; undefined: nothing is required. */
  verify: VerifyImage | undefined;
};

/** Where modules come from: registries, web servers, files, and the store of what was fetched. */
export type ModuleSupply = {
  /** For whoever looks at images themselves, as signature verification does. */
  readonly reader: RegistryReader;
  /** The same, for work that ends with a signal of its own. */
  readerFor(signal: AbortSignal): RegistryReader;
  /** Whose manifest of an image index is meant here. */
  readonly platform: Platform;
  /** For whoever publishes. */
  readonly registry: RegistryClient;
  fetch(url: string, options?: { verify?: VerifyImage | undefined }): Promise<FetchedModule>;
  loader(options: LoaderOptions): (url: string) => Promise<LoadedModule>;
};

/** Throws SOURCES_FILE_INVALID if a certificate of sources.yml cannot be used. */
export async function moduleSupply(options: SupplyOptions): Promise<ModuleSupply> {
  const { sources, log, signal, limits = downloadLimits, policiesPullPolicy: pullPolicy = "auto" } = options;
  await assertAuthorities(sources);
  const proxies = sources.proxies ?? options.proxies ?? {};
  const client = sourceClient({ transport: transport({ sources, proxies }), limits, log });
  const docker = dockerConfigOf(options);
  await docker.catch((error) => log.warn("The credentials of registries cannot be read", { error }));
  const registry = registryClient({ client, credentials: credentialsFrom(() => docker) });
  const mirrors = sources.sourceMirrors ?? new Map();
  const readerFor = (signal: AbortSignal) => registryReader({ registry, mirrors, signal });
  const store = new ModuleStore(options.policiesDownloadDir, { log });
  await store.cleanUp();
  const platform = thisPlatform();
  const common = { client, registry, mirrors, store, pullPolicy, platform, signal };
  const fetch: ModuleSupply["fetch"] = (url, { verify } = {}) => fetchModule(url, { ...common, verify });
  return {
    reader: readerFor(signal),
    readerFor,
    platform,
    registry,
    fetch,
    loader: ({ verify, ...loading }) => moduleLoader({ ...loading, fetch: (url) => fetch(url, { verify }), log }),
  };
}

async function dockerConfigOf(options: SupplyOptions): Promise<DockerConfig | undefined> {
  const { dockerConfigDir, dockerConfigIsOptional = false } = options;
  if (dockerConfigDir === undefined) return undefined;
  if (dockerConfigIsOptional && !await isPresent(`${dockerConfigDir}/config.json`)) return undefined;
  return await readDockerConfig(dockerConfigDir);
}

/** As an image index calls the machine this runs on. */
function thisPlatform(): Platform {
  const architectures: Record<string, string> = { x64: "amd64", ia32: "386" };
  return {
    os: process.platform === "win32" ? "windows" : process.platform,
    architecture: architectures[process.arch] ?? process.arch,
  };
}
