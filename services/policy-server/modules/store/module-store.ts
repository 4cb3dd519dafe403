import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import { anyObject } from "../../../../contracts/kubernetes-schema.ts";
import { type DigestAlgorithm, digester, sha256Hex } from "../../../../runtime/digest.ts";
import { readBytesIfPresent, readTextIfPresent, removeFile } from "../../../../runtime/files.ts";
import type { Log } from "../../../../runtime/telemetry/log.ts";
import { withoutCredentials } from "../../../../runtime/net/stream.ts";
import { PartialFile, removeAbandoned } from "../../../../runtime/partial-file.ts";
import { isDigest } from "../registry/image-reference.ts";
import { diskHolder, type Incoming, incoming, memoryHolder, storeFailed } from "./incoming.ts";
import { upstreamPath } from "./upstream-path.ts";

/** What a URL meant when it was last fetched. */
export type StoredReference = {
  /** Digest of the module. */
  module: string;
  /** Digest of the manifest that named it. */
  manifest?: string | undefined;
};

/**
 * Modules and manifests by digest in a folder: `sha256/<hex>.wasm`, `sha256/<hex>.json`, what URLs meant in `references/`,
 * and what is on its way in `partial/`. Any number of processes may share it. What it gives has been checked; what is
 * damaged is as if it were not there.
 */
export class ModuleStore {
  readonly #folder: string;
  readonly #log: Log;
  #writable = true;

  constructor(folder: string, { log }: { log: Log }) {
    this.#folder = folder.replace(/(?<=.)\/+$/, "");
    this.#log = log;
  }

  /** Removes what processes that ended in the middle have left. */
  async cleanUp(): Promise<void> {
    const removed = await removeAbandoned(`${this.#folder}/partial`);
    if (removed > 0) this.#log.info("Removed unfinished downloads of processes that are gone", { files: removed });
  }

  async module(digest: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await this.#content(digest, "wasm");
  }

  async manifest(digest: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await this.#content(digest, "json");
  }

  async keepManifest(digest: string, bytes: Uint8Array): Promise<void> {
    await this.#write(this.#path(digest, "json"), bytes);
  }

  async reference(url: string): Promise<StoredReference | undefined> {
    const text = await readTextIfPresent(this.#referencePath(url)).catch(() => undefined); // Then it is asked for again.
    try {
      const value = anyObject.parse(JSON.parse(text ?? "null"));
      const { module, manifest } = value;
      if (typeof module !== "string" || !isDigest(module)) return undefined;
      return { module, manifest: typeof manifest === "string" && isDigest(manifest) ? manifest : undefined };
    } catch {
      return undefined; // None, or damaged: it is asked for again.
    }
  }

  /** The name of its file tells the URLs apart; the URL inside is for people. */
  async keepReference(url: string, reference: StoredReference): Promise<void> {
    const text = `${JSON.stringify({ url: withoutCredentials(url), ...reference })}\n`;
    await this.#write(this.#referencePath(url), new TextEncoder().encode(text));
  }

  /** What upstream's server or kwctl put here for a URL; nothing tells its digest, so that it is taken as it is. */
  async ofUpstream(url: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = upstreamPath(url);
    return path === undefined ? undefined : await readBytesIfPresent(`${this.#folder}/${path}`);
  }

  /** Takes in a module: on disk or, if the folder cannot be written to, in memory. Throws DOWNLOAD_STORE_FAILED. */
  async receive(expected?: string): Promise<Incoming> {
    const folder = this.#folder;
    const file = await this.#create();
    if (file === undefined) return incoming(memoryHolder(), expected);
    return incoming(diskHolder(file, { folder, keep: (each, digest) => this.#keep(each, digest) }), expected);
  }

  async #keep(file: PartialFile, digest: string): Promise<Uint8Array<ArrayBuffer>> {
    await file.commit(this.#path(digest, "wasm"));
    const bytes = await this.module(digest);
    if (bytes === undefined) {
      throw new KubewardenError("DOWNLOAD_STORE_FAILED", `"${this.#folder}" does not give back what was written`);
    }
    return bytes;
  }

  async #content(digest: string, kind: "wasm" | "json"): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.#path(digest, kind);
    const bytes = await readBytesIfPresent(path).catch((error) => {
      this.#log.warn("A stored file cannot be read and is fetched again", { path, error });
      return undefined;
    });
    if (bytes === undefined || digestOf(digest, bytes) === digest) return bytes;
    this.#log.warn("A stored file is damaged and is fetched again", { path });
    await removeFile(path).catch(() => undefined); // Whoever fetches it writes over it.
    return undefined;
  }

  /** What only spares the next start a question does not end this one. */
  async #write(path: string, content: Uint8Array): Promise<void> {
    let file: PartialFile | undefined;
    try {
      file = await this.#create();
      await file?.write(content);
      await file?.commit(path);
    } catch (error) {
      await file?.discard();
      this.#log.warn("The store cannot remember something; the next start asks for it again", { path, error });
    }
  }

  /** undefined: the folder cannot be written to, which is said once. Throws DOWNLOAD_STORE_FAILED. */
  async #create(): Promise<PartialFile | undefined> {
    if (!this.#writable) return undefined;
    try {
      return await PartialFile.create(`${this.#folder}/partial`);
    } catch (error) {
      if (!isForbidden(error)) throw storeFailed(this.#folder, error);
      if (this.#writable) {
        const message =
          "The folder for modules cannot be written to: they stay in memory, and are fetched at every start";
        this.#log.warn(message, { folder: this.#folder, reason: messageOf(error) });
      }
      this.#writable = false;
      return undefined;
    }
  }

  #path(digest: string, kind: string): string {
    const [algorithm, hex] = digest.split(":");
    return `${this.#folder}/${algorithm}/${hex}.${kind}`;
  }

  #referencePath(url: string): string {
    return `${this.#folder}/references/${sha256Hex(url)}.json`;
  }
}

/** As on a read-only file system, or where Deno may not write. */
function isForbidden(error: unknown): boolean {
  const { code = "", name } = error as { code?: string; name?: string };
  return name === "NotCapable" || ["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOENT", "EEXIST"].includes(code);
}

/** The digest of bytes by the algorithm of another digest. */
export function digestOf(like: string, bytes: Uint8Array): string {
  const [algorithm] = like.split(":");
  const hash = digester(algorithm as DigestAlgorithm);
  hash.update(bytes);
  return `${algorithm}:${hash.hex()}`;
}
