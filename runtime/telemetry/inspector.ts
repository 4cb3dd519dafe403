import { Session } from "node:inspector";
import { messageOf } from "../../contracts/errors.ts";

/** A thread of this process as V8's inspector sees it. */
export type InspectedThread = {
  name: string;
  /** Sends a command of the DevTools protocol; rejects on an error, an ended thread or one that does not answer. */
  send(method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>;
};

export type Inspector = {
  /** The main thread and, on Node, those worker threads that run now; Deno's inspector does not lead to its workers. */
  threads(): readonly InspectedThread[];
  close(): void;
};

// A worker answers between two steps of its code, on a busy machine late; while it waits for a host call it cannot.
const answerMs = 5000;

/** Opens the inspector of this process to the process itself; `onThread` is told of the main thread and of each worker. */
export async function openInspector(onThread: (thread: InspectedThread) => void): Promise<Inspector> {
  const session = new Session();
  session.connect();
  const post = (method: string, params: Record<string, unknown> = {}) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      session.post(method, params, (error, result) => error ? reject(error) : resolve({ ...result }));
    });
  const main: InspectedThread = { name: "main", send: post };
  const workers = new Map<string, WorkerThread>();
  session.on("NodeWorker.attachedToWorker", ({ params }) => {
    const { sessionId, workerInfo: { title, workerId } } = params;
    const worker = new WorkerThread(`worker ${workerId} ${title}`.trim(), async (message) => {
      await post("NodeWorker.sendMessageToWorker", { sessionId, message });
    });
    workers.set(sessionId, worker);
    onThread(worker);
  });
  session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
    workers.get(params.sessionId)?.receive(params.message);
  });
  session.on("NodeWorker.detachedFromWorker", ({ params }) => {
    workers.get(params.sessionId)?.end();
    workers.delete(params.sessionId);
  });
  onThread(main);
  if (!("Deno" in globalThis)) await post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  return { threads: () => [main, ...workers.values()], close: () => session.disconnect() };
}

class WorkerThread implements InspectedThread {
  readonly name: string;
  readonly #post: (message: string) => Promise<void>;
  readonly #waiting = new Map<number, (answer: { result?: Record<string, unknown>; error?: Error }) => void>();
  #sent = 0;

  constructor(name: string, post: (message: string) => Promise<void>) {
    this.name = name;
    this.#post = post;
  }

  send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.#sent;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => done({ error: new Error(`${this.name} does not answer`) }), answerMs);
      const done = ({ result, error }: { result?: Record<string, unknown>; error?: Error }) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        if (error) reject(error);
        else resolve(result ?? {});
      };
      this.#waiting.set(id, done);
      this.#post(JSON.stringify({ id, method, params })).catch((error) => done({ error }));
    });
  }

  receive(message: string): void {
    const { id, result, error } = JSON.parse(message);
    this.#waiting.get(id)?.({ result, error: error && new Error(messageOf(error.message)) });
  }

  end(): void {
    for (const done of this.#waiting.values()) done({ error: new Error(`${this.name} has ended`) });
  }
}
