import { Fd, WASI, wasi as definitions } from "@bjorn3/browser_wasi_shim";
import { type Deadline, trap } from "./deadline.ts";
import { bytesAt, memoryOf } from "./guest-memory.ts";
import { pollOneoff } from "./wasi-poll.ts";
import type { InputStream, OutputStream } from "./wasi-streams.ts";

/** WASI for one guest instance: no environment, files or sockets. */
export type GuestWasi = {
  imports: { wasi_snapshot_preview1: WebAssembly.ModuleImports; wasi_unstable: WebAssembly.ModuleImports };
  /** Binds the functions to the instance's memory. */
  bind(instance: WebAssembly.Instance): void;
  /** Opens the standard streams anew, as a new instance finds them. */
  reset(): void;
  /** Runs code of the guest that may end by asking to exit. Throws what it throws, and for any code but 0. */
  untilExit(run: () => void): void;
  /** What ended the guest: that it asked to exit, if it did, otherwise the error itself. */
  endOf(error: unknown): unknown;
};

/** What an instance sees of the world; each is asked for anew, since an instance may serve many evaluations. */
export type GuestWasiOptions = {
  deadline: () => Deadline;
  /** Standard input, output and error. */
  streams: () => [InputStream, OutputStream, OutputStream];
  args?: () => string[];
};

// A guest can name the same memory in many vectors; these bound the work and memory of one call.
const maxVectors = 1024;
const maxWriteBytes = 64 * 1024;

/** The WASI functions offered to a guest under both of their module names (reference/policy-server.md 4.3). */
export function guestWasi({ deadline, streams, args = () => [] }: GuestWasiOptions): GuestWasi {
  const opened = () => {
    const [input, ...outputs] = streams();
    return [new Input(input), ...outputs.map((each) => new Output(each))];
  };
  const shim = new WASI(args(), [], opened(), { debug: false });
  let exitCode: number | undefined;
  const memory = () => memoryOf(shim.inst as unknown as WebAssembly.Instance);
  const isOpen = (fd: number) => shim.fds[fd] !== undefined;
  const functions = shim.wasiImport as Record<string, (...args: never[]) => unknown>;
  const unseekable = (fd: number) => isOpen(fd) ? definitions.ERRNO_SPIPE : definitions.ERRNO_BADF;
  const poll = (layout: "preview1" | "unstable") => (input: number, output: number, count: number, events: number) =>
    pollOneoff({ memory: memory(), deadline: deadline(), layout }, { input, output, count, events });
  const fileStat = (layout: keyof typeof statBytes) => (fd: number, pointer: number) =>
    isOpen(fd) ? writeFileStat(bytesAt(memory(), pointer, statBytes[layout])) : definitions.ERRNO_BADF;
  const preview1: WebAssembly.ModuleImports = {
    ...functions,
    ...Object.fromEntries(Object.keys(functions).filter((name) => name.startsWith("path_")).map(notPreopened)),
    ...Object.fromEntries(["fd_read", "fd_pread", "fd_pwrite"].map((name) => [name, boundedVectors(functions[name])])),
    ...Object.fromEntries(unsupported.map((name) => [name, () => definitions.ERRNO_NOTSUP])),
    fd_write: (fd: number, vectors: number, count: number, written: number) =>
      writeVectors({ shim, memory: memory(), fd, vectors, count, written }),
    // A stream has no place to go to, whatever the two versions of WASI count it from.
    fd_seek: unseekable,
    fd_tell: unseekable,
    fd_filestat_get: fileStat("preview1"),
    poll_oneoff: poll("preview1"),
    proc_exit: (code: number) => {
      exitCode = code >>> 0;
      // A trap, since a guest's own `catch_all` would catch an exception.
      trap();
    },
    random_get: (pointer: number, length: number) => fillRandom(bytesAt(memory(), pointer, length), deadline()),
    sched_yield: () => definitions.ERRNO_SUCCESS,
  };
  const unstable: WebAssembly.ModuleImports = {
    ...preview1,
    fd_filestat_get: fileStat("unstable"),
    poll_oneoff: poll("unstable"),
  };
  const endOf = (error: unknown) =>
    exitCode === undefined ? error : new Error(`exit with exit code ${exitCode}`, { cause: error });
  return {
    endOf,
    imports: { wasi_snapshot_preview1: preview1, wasi_unstable: unstable },
    bind: (instance) => {
      shim.inst = instance as unknown as typeof shim.inst;
    },
    reset: () => {
      shim.fds = opened();
      shim.args = args();
      exitCode = undefined;
    },
    untilExit: (run) => {
      exitCode = undefined;
      try {
        run();
      } catch (error) {
        if (exitCode === 0) return;
        throw endOf(error);
      }
    },
  };
}

const unsupported = ["proc_raise", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"];

/** A standard stream for the shim. Its own files would let a guest allocate host memory through them. */
class Input extends Fd {
  readonly #stream: InputStream;
  constructor(stream: InputStream) {
    super();
    this.#stream = stream;
  }
  override fd_fdstat_get() {
    return { ret: definitions.ERRNO_SUCCESS, fdstat: new definitions.Fdstat(definitions.FILETYPE_CHARACTER_DEVICE, 0) };
  }
  override fd_read(size: number) {
    return { ret: definitions.ERRNO_SUCCESS, data: this.#stream.read(size) };
  }
}

class Output extends Fd {
  readonly #stream: OutputStream;
  constructor(stream: OutputStream) {
    super();
    this.#stream = stream;
  }
  override fd_fdstat_get() {
    const fdstat = new definitions.Fdstat(definitions.FILETYPE_CHARACTER_DEVICE, 0);
    fdstat.fs_rights_base = BigInt(definitions.RIGHTS_FD_WRITE);
    return { ret: definitions.ERRNO_SUCCESS, fdstat };
  }
  override fd_write(data: Uint8Array) {
    this.#stream.write(data);
    return { ret: definitions.ERRNO_SUCCESS, nwritten: data.length };
  }
}

/** The most that the platform fills at once. */
const randomChunk = 65_536;

function fillRandom(bytes: Uint8Array<ArrayBuffer>, deadline: Deadline): number {
  for (let at = 0; at < bytes.length; at += randomChunk) {
    deadline.check();
    crypto.getRandomValues(bytes.subarray(at, at + randomChunk));
  }
  return definitions.ERRNO_SUCCESS;
}

function notPreopened(name: string): [string, () => number] {
  return [name, () => definitions.ERRNO_BADF];
}

function boundedVectors(call: ((...args: never[]) => unknown) | undefined) {
  return (...args: number[]) =>
    (args[2] ?? 0) >>> 0 > maxVectors ? definitions.ERRNO_INVAL : call?.(...(args as never[]));
}

type Write = {
  shim: WASI;
  memory: WebAssembly.Memory;
  fd: number;
  vectors: number;
  count: number;
  written: number;
};

function writeVectors({ shim, memory, fd, vectors, count, written }: Write): number {
  const target = shim.fds[fd];
  if (target === undefined) return definitions.ERRNO_BADF;
  if (count >>> 0 > maxVectors) return definitions.ERRNO_INVAL;
  const view = new DataView(memory.buffer);
  let bytes = 0;
  for (let index = 0; index < count && bytes < maxWriteBytes; index++) {
    const start = view.getUint32((vectors >>> 0) + 8 * index, true);
    const length = Math.min(view.getUint32((vectors >>> 0) + 8 * index + 4, true), maxWriteBytes - bytes);
    const { ret } = target.fd_write(new Uint8Array(memory.buffer, start, length).slice());
    if (ret !== definitions.ERRNO_SUCCESS) return ret;
    bytes += length;
  }
  view.setUint32(written >>> 0, bytes, true);
  return definitions.ERRNO_SUCCESS;
}

/** `filestat` of a stream: wasi_unstable has a link count of 32 bits, its fields behind it stand 8 bytes earlier. */
const statBytes = { preview1: 64, unstable: 56 };

function writeFileStat(stat: Uint8Array): number {
  stat.fill(0);
  stat[16] = definitions.FILETYPE_CHARACTER_DEVICE;
  return definitions.ERRNO_SUCCESS;
}
