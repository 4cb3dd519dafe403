import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import { sleep } from "../../../runtime/sleep.ts";
import type { RunGuest } from "../admission/run-policy.ts";
import type { Runnable } from "../policies/catalogue.ts";
import { FairQueue } from "./fair-queue.ts";
import type { PoolObserver } from "./pool-observer.ts";
import type { FromWorker, GuestTask, HostReply, HostRequest, TaskOutcome, ToWorker } from "./protocol.ts";
import { allowGuest, newSyncChannel, replyToGuest, stopGuest, type SyncChannel } from "./sync-channel.ts";

export type WorkerEvents = { message: (message: FromWorker) => void; failed: (error: unknown) => void };
export type GuestWorker = { post: (message: ToWorker) => void; terminate: () => void };

export type PoolOptions = {
  /**
   * Evaluations at the same time. One thread more stands by: replacing one costs nobody time, and slow policies do not
   * hold up the others (fair-queue.ts). Threads beyond the first few are started when there is work for them.
   */
  workers: number;
  /** Tasks that may wait; the next one is refused. */
  maxWaiting: number;
  spawn: (events: WorkerEvents) => GuestWorker;
  answerHostCall: (request: HostRequest, runnable: Runnable, signal: AbortSignal) => Promise<HostReply>;
  observer?: PoolObserver | undefined;
  log: Log;
};

/** A guest stops itself at its deadline; a thread that has not said so by this much later is thrown away. */
const graceMs = 500;
const firstWorkers = 2;
const respawnDelaysMs = [0, 100, 500, 2000, 5000];

type Job = {
  policy: string;
  runnable: Runnable;
  task: GuestTask;
  queuedAt: number;
  resolve: (outcome: TaskOutcome) => void;
};
/** `over` ends the host calls that the job has made; made for the first of them, since most jobs make none. */
type Running = { job: Job; timer: ReturnType<typeof setTimeout> | undefined; over?: AbortController };
type Thread = {
  worker: GuestWorker;
  channel: SyncChannel;
  state: "starting" | "idle" | "busy";
  running?: Running | undefined;
  /** Digests of the modules the thread has already. */
  modules: Set<string>;
};

/** Runs guests in threads: queues, watches deadlines, answers host calls and replaces threads that do not come back. */
export class GuestPool {
  readonly #options: PoolOptions;
  readonly #threads = new Set<Thread>();
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
    for (const { running, channel } of this.#threads) if (running?.job === job) stopGuest(channel);
  }

  #dispatch(): void {
    this.#startWaiting();
    this.#options.observer?.waiting(this.#queue.length);
  }

  #startWaiting(): void {
    if (this.#queue.length === 0) return;
    const threads = [...this.#threads];
    const running = threads.flatMap((each) => each.running?.job ?? []);
    for (const thread of threads.filter((each) => each.state === "idle")) {
      const job = this.#queue.take(running);
      if (job === undefined) return;
      running.push(job);
      this.#begin(thread, job);
    }
    const more = threads.length <= this.#options.workers && !threads.some((each) => each.state === "starting");
    if (more && this.#queue.length > 0 && this.#failedStarts === 0) this.#spawn();
  }

  #begin(thread: Thread, job: Job): void {
    const { digest, mode, module, timeoutMs } = job.runnable;
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#expire(thread), timeoutMs + graceMs);
    const waitedMs = performance.now() - job.queuedAt;
    this.#options.observer?.dispatched(job.policy, waitedMs);
    job.runnable.begun?.(waitedMs);
    allowGuest(thread.channel);
    thread.state = "busy";
    thread.running = { job, timer };
    const known = thread.modules.has(digest);
    thread.modules.add(digest);
    thread.worker.post({ type: "task", task: job.task, digest, mode, timeoutMs, ...(known ? {} : { module }) });
  }

  #finish(thread: Thread, outcome: TaskOutcome): void {
    const { running } = thread;
    if (running === undefined) return;
    thread.running = undefined;
    clearTimeout(running.timer);
    running.over?.abort();
    if (outcome.kind === "timed-out") this.#queue.timedOut(running.job);
    running.job.resolve(outcome);
  }

  #expire(thread: Thread): void {
    this.#options.log.warn("A guest did not stop at its deadline, replacing its thread", {
      policy: thread.running?.job.policy,
    });
    this.#options.observer?.threadReplaced("deadline");
    this.#finish(thread, { kind: "timed-out" });
    // The guest may still run and hold the channel, so its thread is never used again.
    this.#replace(thread);
  }

  #spawn(): void {
    const channel = newSyncChannel();
    const worker = this.#options.spawn({
      message: (message) => this.#heard(thread, message),
      failed: (error) => this.#failed(thread, error),
    });
    const thread: Thread = { worker, channel, state: "starting", modules: new Set() };
    this.#threads.add(thread);
    worker.post({ type: "channel", buffer: channel.buffer });
  }

  #heard(thread: Thread, message: FromWorker): void {
    if (!this.#threads.has(thread)) return;
    const { running } = thread;
    switch (message.type) {
      case "ready":
        this.#failedStarts = 0;
        thread.state = "idle";
        this.#started.resolve();
        return this.#dispatch();
      case "done":
        if (running) this.#options.observer?.guestMemory(running.job.policy, message.memoryBytes);
        this.#finish(thread, message.outcome);
        thread.state = "idle";
        return this.#dispatch();
      case "printed":
        return this.#options.log[message.level](`Guest module ${running?.job.policy}: ${message.text}`);
      case "host-call":
        if (running !== undefined) void this.#answer(thread, running, message.request);
    }
  }

  async #answer(thread: Thread, running: Running, request: HostRequest): Promise<void> {
    let reply: HostReply;
    running.over ??= new AbortController();
    try {
      reply = await this.#options.answerHostCall(request, running.job.runnable, running.over.signal);
    } catch (error) {
      reply = { ok: false, message: `Callback evaluation failure: ${messageOf(error)}` };
    }
    // A late answer must not reach the thread's next guest.
    if (thread.running === running) replyToGuest(thread.channel, reply);
  }

  #failed(thread: Thread, error: unknown): void {
    if (!this.#threads.has(thread)) return;
    if (thread.state === "starting") {
      this.#failedStarts++;
      const message = `Cannot start a sandbox thread: ${messageOf(error)}`;
      this.#started.reject(new KubewardenError("GUEST_FAILED", message, { cause: error }));
    }
    this.#options.log.error("A sandbox thread failed, replacing it", {
      policy: thread.running?.job.policy,
      error,
    });
    this.#options.observer?.threadReplaced("crash");
    this.#finish(thread, { kind: "failed", phase: "call", message: `the sandbox failed: ${messageOf(error)}` });
    this.#replace(thread);
  }

  #replace(thread: Thread): void {
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

  #discard(thread: Thread): void {
    this.#threads.delete(thread);
    clearTimeout(thread.running?.timer);
    thread.running?.over?.abort();
    // Terminating does not reach a guest that spins on every runtime; being told to stop does.
    stopGuest(thread.channel);
    thread.worker.terminate();
  }
}
