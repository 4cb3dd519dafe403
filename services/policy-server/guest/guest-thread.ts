import { messageOf } from "../../../contracts/errors.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import type { Runnable } from "../policies/catalogue.ts";
import type { PoolObserver } from "./pool-observer.ts";
import type { FromWorker, GuestTask, HostReply, HostRequest, TaskOutcome, ToWorker } from "./protocol.ts";
import { allowGuest, newSyncChannel, replyToGuest, stopGuest } from "./sync-channel.ts";

export type WorkerEvents = { message: (message: FromWorker) => void; failed: (error: unknown) => void };
export type GuestWorker = { post: (message: ToWorker) => void; terminate: () => void };

export type ThreadOptions = {
  spawn: (events: WorkerEvents) => GuestWorker;
  answerHostCall: (request: HostRequest, runnable: Runnable, signal: AbortSignal) => Promise<HostReply>;
  observer?: PoolObserver | undefined;
  log: Log;
};

/** What a thread tells its pool; none of it comes after the thread was ended. */
export type ThreadEvents = {
  started: () => void;
  /** It is done with its job and can take the next. */
  free: () => void;
  /** It is of no use any more: its guest has not stopped at its deadline, or it died. Its job has its outcome. */
  lost: (reason: "deadline" | "crash", error?: unknown) => void;
};

/** One evaluation, from its place in the queue to its outcome. */
export type Job = {
  policy: string;
  runnable: Runnable;
  task: GuestTask;
  queuedAt: number;
  resolve: (outcome: TaskOutcome) => void;
};

/** A guest stops itself at its deadline; a thread that has not said so by this much later is lost. */
const graceMs = 500;

/** `over` ends the host calls that the job has made; made for the first of them, since most jobs make none. */
type Running = { job: Job; timer: ReturnType<typeof setTimeout> | undefined; over?: AbortController };

/** The main side of a sandbox thread (worker.ts): gives it one job at a time, watches its deadline, answers its host calls. */
export class GuestThread {
  readonly #options: ThreadOptions;
  readonly #events: ThreadEvents;
  readonly #worker: GuestWorker;
  readonly #channel = newSyncChannel();
  /** Digests of the modules the thread has already. */
  readonly #modules = new Set<string>();
  #state: "starting" | "idle" | "busy" | "ended" = "starting";
  #running: Running | undefined;

  constructor(options: ThreadOptions, events: ThreadEvents) {
    this.#options = options;
    this.#events = events;
    this.#worker = options.spawn({
      message: (message) => this.#heard(message),
      failed: (error) => this.#failed(error),
    });
    this.#worker.post({ type: "channel", buffer: this.#channel.buffer });
  }

  get state(): "starting" | "idle" | "busy" | "ended" {
    return this.#state;
  }

  /** What it is busy with. */
  get job(): Job | undefined {
    return this.#running?.job;
  }

  /** Only for one that is idle. */
  begin(job: Job): void {
    const { digest, mode, module, timeoutMs } = job.runnable;
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#expire(), timeoutMs + graceMs);
    const waitedMs = performance.now() - job.queuedAt;
    this.#options.observer?.dispatched(job.policy, waitedMs);
    job.runnable.begun?.(waitedMs);
    allowGuest(this.#channel);
    this.#state = "busy";
    this.#running = { job, timer };
    const known = this.#modules.has(digest);
    this.#modules.add(digest);
    this.#worker.post({ type: "task", task: job.task, digest, mode, timeoutMs, ...(known ? {} : { module }) });
  }

  /** Tells the guest to stop; its job has an outcome when it has. */
  stopGuest(): void {
    stopGuest(this.#channel);
  }

  /** Ends the thread; what it still runs gets no outcome. */
  end(): void {
    this.#state = "ended";
    clearTimeout(this.#running?.timer);
    this.#running?.over?.abort();
    // Terminating does not reach a guest that spins on every runtime; being told to stop does.
    stopGuest(this.#channel);
    this.#worker.terminate();
  }

  #heard(message: FromWorker): void {
    if (this.#state === "ended") return;
    const running = this.#running;
    switch (message.type) {
      case "ready":
        this.#state = "idle";
        return this.#events.started();
      case "done":
        if (running) this.#options.observer?.guestMemory(running.job.policy, message.memoryBytes);
        this.#finish(message.outcome);
        this.#state = "idle";
        return this.#events.free();
      case "printed":
        return this.#options.log[message.level](`Guest module ${running?.job.policy}: ${message.text}`);
      case "host-call":
        if (running !== undefined) this.#answer(running, message.request);
    }
  }

  #answer(running: Running, request: HostRequest): void {
    void replyTo(request, running, this.#options).then((reply) => {
      // A late answer must not reach the thread's next guest.
      if (this.#running === running) replyToGuest(this.#channel, reply);
    });
  }

  #finish(outcome: TaskOutcome): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    clearTimeout(running.timer);
    running.over?.abort();
    running.job.resolve(outcome);
  }

  /** The guest may still run and hold the channel, so the thread is never used again. */
  #expire(): void {
    const policy = this.job?.policy;
    this.#options.log.warn("A guest did not stop at its deadline, replacing its thread", { policy });
    this.#finish({ kind: "timed-out" });
    this.#events.lost("deadline");
  }

  #failed(error: unknown): void {
    if (this.#state === "ended") return;
    const policy = this.job?.policy;
    this.#options.log.error("A sandbox thread failed, replacing it", { policy, error });
    this.#finish({ kind: "failed", phase: "call", message: `the sandbox failed: ${messageOf(error)}` });
    this.#events.lost("crash", error);
  }
}

/**
 * The host's reply. No method: an error that arises while a method waits refers to its object, so that a host that keeps
 * the error would keep a dead thread's channel, which may have megabytes.
 */
async function replyTo(request: HostRequest, running: Running, { answerHostCall }: ThreadOptions): Promise<HostReply> {
  running.over ??= new AbortController();
  try {
    return await answerHostCall(request, running.job.runnable, running.over.signal);
  } catch (error) {
    return { ok: false, message: `Callback evaluation failure: ${messageOf(error)}` };
  }
}
