import { ConsoleStdout, Fd, WASI, wasi as definitions, WASIProcExit } from "@bjorn3/browser_wasi_shim";
import type { Deadline } from "./deadline.ts";
import { pollOneoff } from "./wasi-poll.ts";

/** WASI for one guest instance: no arguments, environment, files or sockets; stdout and stderr go to `write`. */
export type GuestWasi = {
  imports: { wasi_snapshot_preview1: WebAssembly.ModuleImports; wasi_unstable: WebAssembly.ModuleImports };
  /** Binds the functions to the instance's memory. */
  bind(instance: WebAssembly.Instance): void;
  /** Opens the standard streams anew, as a new instance finds them. */
  reset(): void;
};

/** `deadline` is asked each time, since an instance may serve many evaluations. */
export type GuestWasiOptions = { deadline: () => Deadline; write: (text: string) => void };

// A guest can name the same memory in many vectors; these bound the work and memory of one call.
const maxVectors = 1024;
const maxWriteBytes = 64 * 1024;

/** The WASI functions offered to a guest under both of their module names (reference/policy-server.md 4.3). */
export function guestWasi({ deadline, write }: GuestWasiOptions): GuestWasi {
  const streams = () => [new NoInput(), output(write), output(write)];
  const shim = new WASI([], [], streams(), { debug: false });
  const memory = () => (shim.inst.exports as { memory: WebAssembly.Memory }).memory;
  const functions = shim.wasiImport as Record<string, (...args: never[]) => unknown>;
  const preview1: WebAssembly.ModuleImports = {
    ...functions,
    ...Object.fromEntries(Object.keys(functions).filter((name) => name.startsWith("path_")).map(notPreopened)),
    ...Object.fromEntries(["fd_read", "fd_pread", "fd_pwrite"].map((name) => [name, boundedVectors(functions[name])])),
    ...Object.fromEntries(unsupported.map((name) => [name, () => definitions.ERRNO_NOTSUP])),
    fd_write: (fd: number, vectors: number, count: number, written: number) =>
      writeVectors({ shim, memory: memory(), fd, vectors, count, written }),
    poll_oneoff: (input: number, output: number, count: number, events: number) =>
      pollOneoff({ memory: memory(), deadline: deadline(), layout: "preview1" }, { input, output, count, events }),
    sched_yield: () => definitions.ERRNO_SUCCESS,
  };
  const unstable: WebAssembly.ModuleImports = {
    ...preview1,
    fd_filestat_get: (fd: number, pointer: number) => unstableFileStat(memory(), fd, pointer),
    poll_oneoff: (input: number, output: number, count: number, events: number) =>
      pollOneoff({ memory: memory(), deadline: deadline(), layout: "unstable" }, { input, output, count, events }),
  };
  return {
    imports: { wasi_snapshot_preview1: preview1, wasi_unstable: unstable },
    bind: (instance) => {
      shim.inst = instance as typeof shim.inst;
    },
    reset: () => {
      shim.fds = streams();
    },
  };
}

/** The code of a WASI exit that a guest asked for, or undefined if the error is something else. */
export function exitCodeOf(error: unknown): number | undefined {
  return error instanceof WASIProcExit ? error.code : undefined;
}

const unsupported = ["proc_raise", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"];

/** Standard input that is at its end. The shim's own files would let a guest allocate host memory through it. */
class NoInput extends Fd {
  override fd_fdstat_get() {
    return { ret: definitions.ERRNO_SUCCESS, fdstat: new definitions.Fdstat(definitions.FILETYPE_CHARACTER_DEVICE, 0) };
  }
  override fd_read() {
    return { ret: definitions.ERRNO_SUCCESS, data: new Uint8Array() };
  }
}

function output(write: (text: string) => void): Fd {
  const decoder = new TextDecoder();
  return new ConsoleStdout((bytes) => write(decoder.decode(bytes)));
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

/** `filestat` of a standard stream as wasi_unstable lays it out: 56 bytes with a 32-bit link count. */
function unstableFileStat(memory: WebAssembly.Memory, fd: number, pointer: number): number {
  if (fd < 0 || fd > 2) return definitions.ERRNO_BADF;
  const stat = new Uint8Array(memory.buffer, pointer >>> 0, 56).fill(0);
  stat[16] = definitions.FILETYPE_CHARACTER_DEVICE;
  return definitions.ERRNO_SUCCESS;
}
