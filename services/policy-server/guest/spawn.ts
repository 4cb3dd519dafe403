import { startWorker } from "../../../runtime/worker.ts";
import type { GuestWorker, WorkerEvents } from "./pool.ts";
import type { FromWorker } from "./protocol.ts";

/** Starts a sandbox thread (worker.ts). The heap limit is for what the host keeps of a guest, not for its own memory. */
export function spawnGuestWorker({ message, failed }: WorkerEvents): GuestWorker {
  const worker = startWorker(new URL("./worker.ts", import.meta.url), {
    onMessage: (data) => message(data as FromWorker),
    onExit: failed,
  }, { name: "guest", resourceLimits: { maxOldGenerationSizeMb: 256 } });
  return { post: (data) => worker.post(data), terminate: () => void worker.terminate() };
}
