import { parentPort } from "node:worker_threads";

/** The worker's end of the line to the thread that started it. */
export type WorkerPort = {
  post(message: unknown, transfer?: readonly Transferable[]): void;
  /** Messages sent before the handler is set are kept, if it is set while the worker's module is evaluated. */
  onMessage(handler: (message: unknown) => void): void;
};

type WorkerScope = {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: { data: unknown }) => void) | null;
};

/** For the first line of a worker's module; throws outside of a worker. */
export function workerPort(): WorkerPort {
  if (parentPort) {
    const port = parentPort;
    return {
      post: (message, transfer = []) => port.postMessage(message, transfer as []),
      onMessage: (handler) => void port.on("message", handler),
    };
  }
  const scope = globalThis as unknown as WorkerScope;
  if (typeof scope.postMessage !== "function") throw new Error("Cannot open the worker's port: this is not a worker");
  return {
    post: (message, transfer = []) => scope.postMessage(message, [...transfer]),
    onMessage: (handler) => void (scope.onmessage = ({ data }) => handler(data)),
  };
}
