import type { GuestWorker, WorkerEvents } from "../guest/guest-thread.ts";
import { spawnGuestWorker } from "../guest/spawn.ts";

/** Sandbox threads that die in the middle of every so-manieth host call. */
export function mortalThreads(killEvery: number) {
  const alive = new Set<GuestWorker>();
  const channels: WeakRef<SharedArrayBuffer>[] = [];
  let calls = 0, killed = 0;
  const spawn = (events: WorkerEvents): GuestWorker => {
    const thread = spawnGuestWorker({
      failed: events.failed,
      message(message) {
        events.message(message);
        if (message.type !== "host-call" || ++calls % killEvery !== 0) return;
        killed++;
        end();
        events.failed(new Error("killed"));
      },
    });
    const post: GuestWorker["post"] = (message) => {
      if (message.type === "channel") channels.push(new WeakRef(message.buffer));
      thread.post(message);
    };
    const end = () => {
      alive.delete(counted);
      thread.terminate();
    };
    const counted = { post, terminate: end };
    alive.add(counted);
    return counted;
  };
  return {
    spawn,
    alive: () => alive.size,
    killed: () => killed,
    /** How many of their channels, which are their largest part on this side, are still in memory. */
    channels: () => channels.filter((each) => each.deref() !== undefined).length,
  };
}
