import { silentLog } from "../../../runtime/telemetry/log.ts";
import { GuestPool, type PoolOptions } from "../guest/pool.ts";
import { spawnGuestWorker } from "../guest/spawn.ts";

/** A pool of real sandbox threads, one unless asked for more, whose guests have no host. */
export function startGuestPool(o: Partial<PoolOptions> = {}): Promise<GuestPool> {
  return GuestPool.start({
    workers: 1,
    maxWaiting: 100,
    spawn: spawnGuestWorker,
    answerHostCall: () => Promise.resolve({ ok: false, message: "no host" }),
    log: silentLog,
    ...o,
  });
}
