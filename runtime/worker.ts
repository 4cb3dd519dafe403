import { Worker as ThreadWorker } from "node:worker_threads";

export type WorkerHandle = {
  post(message: unknown, transfer?: readonly Transferable[]): void;
  /**
   * Stops the worker; no event comes after it. On Deno a worker that spins is only let go: its thread goes on burning a
   * core (reference/runtime.md 2), so whoever runs foreign code must be able to interrupt it by other means.
   */
  terminate(): Promise<void>;
};

export type WorkerEvents = {
  onMessage(message: unknown): void;
  /** The worker failed and is gone; it is not told apart whether by an uncaught error, by memory or by ending itself. */
  onExit(error: Error): void;
};

export type WorkerOptions = {
  name?: string;
  /** Limits of the JavaScript heap; only Node keeps them, and not for Wasm memory. */
  resourceLimits?: { maxOldGenerationSizeMb?: number; maxYoungGenerationSizeMb?: number; stackSizeMb?: number };
};

/** Starts a module as a worker: a thread on Node, a native Worker on Deno. */
export function startWorker(module: URL, events: WorkerEvents, options: WorkerOptions = {}): WorkerHandle {
  return "Deno" in globalThis ? startNative(module, events, options) : startThread(module, events, options);
}

function startThread(module: URL, events: WorkerEvents, { name, resourceLimits }: WorkerOptions): WorkerHandle {
  const worker = new ThreadWorker(module, { name, resourceLimits });
  let over = false;
  const exit = (error: Error) => {
    if (!over) events.onExit(error);
    over = true;
  };
  worker.on("message", (message) => over || events.onMessage(message));
  worker.on("messageerror", (error) => exit(error));
  worker.on("error", (error) => exit(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", (code) => exit(new Error(`the worker ended with code ${code}`)));
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer as []),
    async terminate() {
      over = true;
      await worker.terminate();
    },
  };
}

/**
 * What a worker may do under Deno: nothing but look at the environment, which `@wapc/host` does when it is loaded. Needs
 * `"unstable": ["worker-options"]` in deno.json.
 */
const permissions = { env: "inherit", net: false, read: false, write: false, run: false, ffi: false, sys: false };

type NativeOptions = { type: "module"; name?: string | undefined; deno: { permissions: typeof permissions } };
type NativeWorker = {
  postMessage(message: unknown, transfer: Transferable[]): void;
  terminate(): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onmessageerror: (() => void) | null;
  onerror: ((event: { message: string; error?: unknown; preventDefault(): void }) => void) | null;
};

function startNative(module: URL, events: WorkerEvents, { name }: WorkerOptions): WorkerHandle {
  const { Worker } = globalThis as unknown as { Worker: new (module: URL, options: NativeOptions) => NativeWorker };
  const worker = new Worker(module, { type: "module", name, deno: { permissions } });
  let over = false;
  const exit = (error: Error) => {
    worker.terminate();
    if (!over) events.onExit(error);
    over = true;
  };
  worker.onmessage = ({ data }) => over || events.onMessage(data);
  worker.onmessageerror = () => exit(new Error("a message of the worker could not be read"));
  worker.onerror = (event) => {
    // Unhandled, it would end the whole process.
    event.preventDefault();
    exit(event.error instanceof Error ? event.error : new Error(event.message));
  };
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    async terminate() {
      over = true;
      worker.terminate();
    },
  };
}
