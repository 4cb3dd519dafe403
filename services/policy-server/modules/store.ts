import { sha256Hex } from "../../../runtime/digest.ts";
import { limiter } from "../../../runtime/limiter.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import { withoutCredentials } from "../../../runtime/net/stream.ts";
import type { ExecutionMode } from "../policies/execution-mode.ts";
import { compileModule } from "./compile.ts";
import type { FetchedModule } from "./fetch.ts";

export type LoadedModule = { digest: string; mode: ExecutionMode; module: WebAssembly.Module };

export type ModuleStoreOptions = {
  fetch: (url: string) => Promise<FetchedModule>;
  serverVersion: string;
  maxMemoryPages: number;
  log: Log;
};

/** Loads modules by URL: each URL is fetched once, each distinct content compiled once, a few URLs at the same time. */
export function moduleLoader(
  { fetch, serverVersion, maxMemoryPages, log }: ModuleStoreOptions,
): (url: string) => Promise<LoadedModule> {
  const byUrl = new Map<string, Promise<LoadedModule>>();
  const byDigest = new Map<string, Promise<Omit<LoadedModule, "digest">>>();
  const inTurn = limiter(4);
  return (url) => remember(byUrl, url, () => inTurn(() => load(url)));

  async function load(url: string): Promise<LoadedModule> {
    let started = performance.now();
    const { bytes, digest: known, from } = await fetch(url);
    const digest = known.startsWith("sha256:") ? known.slice("sha256:".length) : sha256Hex(bytes);
    const what = { module: withoutCredentials(url), digest, from, bytes: bytes.length, ms: elapsed(started) };
    log.info("Module fetched", what);
    const compiled = await remember(byDigest, digest, async () => {
      started = performance.now();
      const { module, metadata } = await compileModule(bytes, { serverVersion, maxMemoryPages });
      const { mutating, executionMode: mode } = metadata;
      log.info("Module compiled", { digest, mode, mutating, ms: elapsed(started) });
      return { mode, module };
    });
    return { digest, ...compiled };
  }
}

function remember<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const existing = known.get(key);
  if (existing !== undefined) return existing;
  const made = make();
  known.set(key, made);
  return made;
}

function elapsed(started: number): number {
  return Math.round(performance.now() - started);
}
