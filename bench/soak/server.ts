/**
 * The policy server of the soak, in a process of its own: as in a pod, but for one thing: its parent may have it lose a
 * sandbox thread. Arguments: the configuration as JSON. Messages: "crash"; it sends its URL when it is ready, and then its
 * memory once a second.
 */
import { createLog } from "../../runtime/telemetry/log.ts";
import type { Config } from "../../services/policy-server/config.ts";
import type { GuestWorker } from "../../services/policy-server/guest/guest-thread.ts";
import { spawnGuestWorker } from "../../services/policy-server/guest/spawn.ts";
import { startPolicyServer } from "../../services/policy-server/server.ts";

const threads = new Set<GuestWorker>();
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
process.on("message", (message) => {
  if (message !== "crash") return;
  const [thread] = threads;
  if (!thread) return;
  threads.delete(thread);
  // A task of a module that it has never been given: the thread throws, as it would for a defect of ours.
  const task = { operation: "validate_settings" as const, payload: new Uint8Array() };
  thread.post({ type: "task", task, digest: "none", mode: "kubewarden-wapc", timeoutMs: undefined });
});

const config = JSON.parse(process.argv[2] ?? "") as Config;
const { url } = await startPolicyServer(config, {
  log: createLog({ level: "warn", format: "json" }),
  signal: stop.signal,
  spawn(events) {
    const thread = spawnGuestWorker({
      ...events,
      failed: (error) => {
        threads.delete(thread);
        events.failed(error);
      },
    });
    threads.add(thread);
    return thread;
  },
});
process.send?.({ url });
setInterval(() => process.send?.({ rssMiB: process.memoryUsage().rss / 2 ** 20 }), 1000);
