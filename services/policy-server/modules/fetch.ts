import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { readBytes } from "../../../runtime/files.ts";
import { withDeadline } from "../../../runtime/sleep.ts";
import { type ModuleUrl, parseModuleUrl } from "./module-url.ts";
import { type PullContext, pullModule } from "./registry/pull.ts";
import { registryReader } from "./registry/reader.ts";
import type { ImageReference, RegistryReader } from "./registry-reader.ts";
import { basicAuthorization, type SourceClient } from "./sources/client.ts";
import { receive } from "./sources/receive.ts";
import { assertWasm, type StoredModule } from "./store/incoming.ts";
import type { ModuleStore } from "./store/module-store.ts";
import { mayUseStored, type PullPolicy } from "./store/pull-policy.ts";

/**
 * Says of an image which manifest (or index) is vouched for, by its digest; throws if none is. `reader` and `signal` end
 * with the time that the module may take.
 */
export type VerifyImage = (
  image: ImageReference,
  options: { reader: RegistryReader; signal: AbortSignal },
) => Promise<string>;

export type FetchContext = Omit<PullContext, "reader"> & {
  client: SourceClient;
  store: ModuleStore;
  pullPolicy: PullPolicy;
  /** Asked before anything of an image is used; exactly what it names is then fetched. */
  verify?: VerifyImage | undefined;
};

export type FetchedModule = StoredModule & { from: "file" | "store" | "upstream's store" | "registry" | "web" };

/**
 * The module behind a URL, out of the store if that has it and the pull policy allows (reference/policy-server.md 3.3).
 * Throws codes of `DOWNLOAD_`; MODULE_FETCH_FAILED for files; MODULE_INVALID if it is no WebAssembly; what `verify` throws,
 * and VERIFICATION_FAILED for what is in no registry, as there are no signatures.
 */
export async function fetchModule(url: string, context: FetchContext): Promise<FetchedModule> {
  const place = parseModuleUrl(url);
  const { signal, client: { limits } } = context;
  try {
    return await withDeadline({ ms: limits.totalMs, signal }, async (limited) => {
      const reader = registryReader({ ...context, signal: limited });
      const fetched = await find(url, place, { ...context, reader, signal: limited });
      assertWasm(fetched.bytes, fetched.bytes.length);
      return fetched;
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KubewardenError) throw error;
    if (error instanceof DOMException && error.name === "TimeoutError") {
      throw new KubewardenError("DOWNLOAD_FAILED", `not fetched within ${limits.totalMs / 1000} s`, { cause: error });
    }
    throw new KubewardenError("MODULE_FETCH_FAILED", messageOf(error), { cause: error });
  }
}

type Finding = FetchContext & PullContext;

async function find(url: string, place: ModuleUrl, context: Finding): Promise<FetchedModule> {
  if (place.scheme === "registry") return await fromRegistry(url, place, context);
  if (context.verify !== undefined) {
    throw new KubewardenError("VERIFICATION_FAILED", "only modules of registries can be verified");
  }
  if (place.scheme === "file") return await fromFile(place.path, context.client.limits.maxBytes);
  return await stored(url, place, context) ?? await fromWeb(url, place.url, context);
}

async function fromRegistry(
  url: string,
  place: ModuleUrl & { scheme: "registry" },
  context: Finding,
): Promise<FetchedModule> {
  const { verify, store, reader, signal } = context;
  if (verify !== undefined) {
    // Nothing that a tag meant once, and nothing without a digest, may stand in for what was verified.
    return await pullModule({ ...place.image, reference: await verify(place.image, { reader, signal }) }, context);
  }
  const kept = await stored(url, place, context);
  if (kept !== undefined) return kept;
  const pulled = await pullModule(place.image, context);
  await store.keepReference(url, { module: pulled.digest, manifest: pulled.manifest });
  return pulled;
}

/** What the URL meant at another time, if that is good enough. */
async function stored(url: string, place: ModuleUrl, context: FetchContext): Promise<FetchedModule | undefined> {
  const { store, pullPolicy } = context;
  if (!mayUseStored(place, pullPolicy)) return undefined;
  const reference = await store.reference(url);
  const bytes = reference && await store.module(reference.module);
  if (bytes !== undefined) return { digest: reference?.module ?? "", bytes, from: "store" };
  const others = await store.ofUpstream(url);
  return others && { digest: "", bytes: others, from: "upstream's store" };
}

async function fromFile(path: string, maxBytes: number): Promise<FetchedModule> {
  const bytes = await readBytes(path);
  if (bytes.length > maxBytes) throw new KubewardenError("MODULE_FETCH_FAILED", `larger than ${maxBytes} bytes`);
  return { digest: "", bytes, from: "file" };
}

async function fromWeb(url: string, target: URL, { client, store, signal }: FetchContext): Promise<FetchedModule> {
  const { username, password } = target;
  const bare = new URL(target);
  bare.username = bare.password = "";
  const authorization = username === ""
    ? undefined
    : basicAuthorization({ username: decodeURIComponent(username), password: decodeURIComponent(password) });
  const incoming = await store.receive();
  try {
    const open = (headers: Record<string, string>) => client.open(bare.href, { headers, authorization, signal });
    const { maxBytes } = client.limits;
    await receive(incoming, { open, url: bare.href, immutable: false, maxBytes, client, signal });
    const module = await incoming.commit();
    await store.keepReference(url, { module: module.digest });
    return { ...module, from: "web" };
  } catch (error) {
    await incoming.discard();
    throw error;
  }
}
