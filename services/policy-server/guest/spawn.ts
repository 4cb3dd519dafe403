import { startWorker } from "../../../runtime/worker.ts";
import type { GuestWorker, WorkerEvents } from "./guest-thread.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";

/** Starts a sandbox thread (worker.ts). The heap limit is for what the host keeps of a guest, not for its own memory. */
export function spawnGuestWorker({ message, failed }: WorkerEvents): GuestWorker {
  const worker = startWorker(new URL("./worker.ts", import.meta.url), {
    onMessage: (data) => message(data as FromWorker),
    onExit: failed,
  }, { name: "guest", resourceLimits: { maxOldGenerationSizeMb: 256 } });
  return {
    post: (message) => worker.post(message, givenAway(message)),
    terminate: () => void worker.terminate(),
  };
}

/** Below, copying costs less than giving away. */
const largeBytes = 64 * 1024;

/** What goes to the thread without being copied: the data document, which may have megabytes of a cluster in it. */
function givenAway(message: ToWorker): Transferable[] {
  const data = message.type === "task" ? message.task.data : undefined;
  if (data === undefined || data.length < largeBytes || !(data.buffer instanceof ArrayBuffer)) return [];
  return data.length === data.buffer.byteLength ? [data.buffer] : [];
}
