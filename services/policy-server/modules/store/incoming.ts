import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import { type DigestAlgorithm, digester } from "../../../../runtime/digest.ts";
import type { PartialFile } from "../../../../runtime/partial-file.ts";
import type { Sink } from "../sources/receive.ts";

export type StoredModule = { digest: string; bytes: Uint8Array<ArrayBuffer> };

/** A module on its way into the store. */
export type Incoming = Sink & {
  /**
   * Ends it: checked, kept, and given back. Throws DOWNLOAD_DIGEST_MISMATCH, MODULE_INVALID or DOWNLOAD_STORE_FAILED, and
   * then nothing of it is left.
   */
  commit(): Promise<StoredModule>;
  discard(): Promise<void>;
};

/** Where its bytes wait: a file, or memory. */
export type Holder = {
  write(chunk: Uint8Array): Promise<void>;
  restart(): Promise<void>;
  /** Keeps them as the content of this digest and gives them back. */
  keep(digest: string): Promise<Uint8Array<ArrayBuffer>>;
  discard(): Promise<void>;
};

const wasmMagic = [0x00, 0x61, 0x73, 0x6d];

/** `expected`: the digest that it must have; it also names the algorithm, else SHA-256. */
export function incoming(holder: Holder, expected?: string): Incoming {
  const algorithm: DigestAlgorithm = expected?.startsWith("sha512:") ? "sha512" : "sha256";
  let hash = digester(algorithm), size = 0;
  const magic: number[] = [];
  return {
    get size() {
      return size;
    },
    async write(chunk) {
      await holder.write(chunk);
      hash.update(chunk);
      size += chunk.length;
      if (magic.length < wasmMagic.length) magic.push(...chunk.subarray(0, wasmMagic.length - magic.length));
    },
    async restart() {
      await holder.restart();
      hash = digester(algorithm);
      size = magic.length = 0;
    },
    async commit() {
      const digest = `${algorithm}:${hash.hex()}`;
      try {
        if (expected !== undefined && digest !== expected) throw mismatch(digest, expected);
        assertWasm(magic, size);
        return { digest, bytes: await holder.keep(digest) };
      } catch (error) {
        await holder.discard();
        throw error;
      }
    },
    discard: () => holder.discard(),
  };
}

function mismatch(digest: string, expected: string): KubewardenError {
  return new KubewardenError(
    "DOWNLOAD_DIGEST_MISMATCH",
    `the content is not what was announced: its digest is ${digest} instead of ${expected}`,
  );
}

/** Every module begins with the same four bytes. Throws MODULE_INVALID. */
export function assertWasm(start: ArrayLike<number>, size: number): void {
  if (wasmMagic.every((byte, index) => start[index] === byte)) return;
  throw new KubewardenError("MODULE_INVALID", `invalid wasm file: ${size} bytes that do not start as wasm does`);
}

/** Waits in memory and stays there, for whoever has no folder to write to. */
export function memoryHolder(): Holder {
  let chunks: Uint8Array[] = [];
  const restart = () => {
    chunks = [];
    return Promise.resolve();
  };
  return {
    write: (chunk) => Promise.resolve(void chunks.push(chunk)),
    restart,
    keep: async () => new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer()),
    discard: restart,
  };
}

export type Disk = { folder: string; keep: (file: PartialFile, digest: string) => Promise<Uint8Array<ArrayBuffer>> };

/** Waits in a file of the store. Throws DOWNLOAD_STORE_FAILED. */
export function diskHolder(file: PartialFile, { folder, keep }: Disk): Holder {
  return {
    write: (chunk) => onDisk(folder, () => file.write(chunk)),
    restart: () => onDisk(folder, () => file.restart()),
    keep: (digest) => onDisk(folder, () => keep(file, digest)),
    discard: () => file.discard(),
  };
}

async function onDisk<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof KubewardenError) throw cause;
    throw storeFailed(folder, cause);
  }
}

/** A full disk is said in words; a file that vanished was taken for a leftover by someone else. */
export function storeFailed(folder: string, cause: unknown): KubewardenError {
  const { code } = cause as { code?: string };
  const why = code === "ENOSPC"
    ? "no space is left on its disk"
    : code === "EDQUOT"
    ? "its quota is used up"
    : messageOf(cause);
  return new KubewardenError("DOWNLOAD_STORE_FAILED", `Cannot keep modules in "${folder}": ${why}`, { cause });
}
