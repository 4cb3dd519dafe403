import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { sleep } from "../../../runtime/sleep.ts";
import type { RunGuest } from "../admission/run-policy.ts";
import type { Runnable } from "../policies/catalogue.ts";
import { FairQueue } from "./fair-queue.ts";
import { GuestThread, type Job, type ThreadOptions } from "./guest-thread.ts";
import type { GuestTask, TaskOutcome } from "./protocol.ts";

export type PoolOptions = ThreadOptions & {
  /**
   * Evaluations at the same time. One thread more stands by: replacing one costs nobody time, and slow policies do not
   * hold up the others (fair-queue.ts). Threads beyond the first few are started when there is work for them.
   */
  workers: number;
  /** Tasks that may wait; the next one is refused. */
  maxWaiting: number;
};

const firstWorkers = 2;
const respawnDelaysMs = [0, 100, 500, 2000, 5000];

/** Runs guests in threads: queues tasks, shares them out to threads, and replaces threads that are lost. */
export class GuestPool {
  readonly #options: PoolOptions;
  readonly #threads = new Set<GuestThread>();
  readonly #queue: FairQueue<Job>;
  readonly #closed = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  #failedStarts = 0;

  private constructor(options: PoolOptions) {
    this.#options = options;
    this.#queue = new FairQueue({ workers: options.workers, limit: options.maxWaiting });
  }

  /** Resolves when the first thread can work; throws GUEST_FAILED if none can be started. */
  static async start(options: PoolOptions): Promise<GuestPool> {
    const pool = new GuestPool(options);
    for (let count = 0; count < Math.min(options.workers, firstWorkers) + 1; count++) pool.#spawn();
    try {
      await pool.#started.promise;
      return pool;
    } catch (error) {
      pool.close();
      throw error;
    }
  }

  /**
   * Runs one task. Rejects if the signal is aborted: the task is dropped, or stopped if it runs; and with OVERLOADED if too
   * many tasks wait.
   */
  readonly run: RunGuest = (runnable: Runnable, task: GuestTask, signal: AbortSignal): Promise<TaskOutcome> => {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const job: Job = {
        policy: runnable.policy,
        runnable,
        task,
        queuedAt: performance.now(),
        resolve: (outcome) => {
          if (outcome.kind === "timed-out") this.#queue.timedOut(job);
          signal.removeEventListener("abort", aborted);
          resolve(outcome);
        },
      };
      const aborted = () => {
        this.#forget(job);
        reject(signal.reason);
      };
      if (!this.#queue.push(job)) {
        this.#options.observer?.shed(job.policy);
        return reject(new KubewardenError("OVERLOADED", "too many requests wait for this policy server"));
      }
      signal.addEventListener("abort", aborted, { once: true });
      this.#dispatch();
    });
  };

  /** Ends all threads; what is still running gets no answer. */
  close(): void {
    this.#closed.abort();
    for (const thread of this.#threads) this.#discard(thread);
  }

  #forget(job: Job): void {
    this.#queue.remove(job);
    for (const thread of this.#threads) if (thread.job === job) thread.stopGuest();
  }

  #dispatch(): void {
    this.#startWaiting();
    this.#options.observer?.waiting(this.#queue.length);
  }

  #startWaiting(): void {
    if (this.#queue.length === 0) return;
    const threads = [...this.#threads];
    const running = threads.flatMap((each) => each.job ?? []);
    for (const thread of threads.filter((each) => each.state === "idle")) {
      const job = this.#queue.take(running);
      if (job === undefined) return;
      running.push(job);
      thread.begin(job);
    }
    const more = threads.length <= this.#options.workers && !threads.some((each) => each.state === "starting");
    if (more && this.#queue.length > 0 && this.#failedStarts === 0) this.#spawn();
  }

  #spawn(): void {
    const thread = new GuestThread(this.#options, {
      started: () => {
        this.#failedStarts = 0;
        this.#started.resolve();
        this.#dispatch();
      },
      free: () => this.#dispatch(),
      lost: (reason, error) => {
        if (thread.state === "starting") this.#startFailed(error);
        this.#options.observer?.threadReplaced(reason);
        this.#replace(thread);
      },
    });
    this.#threads.add(thread);
  }

  #startFailed(cause: unknown): void {
    this.#failedStarts++;
    const message = `Cannot start a sandbox thread: ${messageOf(cause)}`;
    this.#started.reject(new KubewardenError("GUEST_FAILED", message, { cause }));
  }

  #replace(thread: GuestThread): void {
    this.#discard(thread);
    const delayMs = respawnDelaysMs[Math.min(this.#failedStarts, respawnDelaysMs.length - 1)] ?? 0;
    if (delayMs === 0) {
      if (!this.#closed.signal.aborted) this.#spawn();
      return this.#dispatch();
    }
    sleep(delayMs, this.#closed.signal).then(
      () => this.#spawn(),
      () => undefined, // The pool was closed meanwhile: no thread is wanted any more.
    );
  }

  #discard(thread: GuestThread): void {
    this.#threads.delete(thread);
    thread.end();
  }
}
