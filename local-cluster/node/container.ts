import { sleep } from "../../runtime/sleep.ts";
import { timestamp } from "../workloads/deployment-status.ts";
import type { Container, ContainerState, Pod } from "../workloads/pod.ts";
import type { ContainerLog } from "./container-log.ts";
import { ContainerProcess, prepareLaunch } from "./container-process.ts";
import type { ReadSource } from "./environment.ts";
import { type Launch, launchFor } from "./launch.ts";
import type { ContainerFacts } from "./pod-status.ts";
import { runProbes } from "./prober.ts";
import type { Reaper } from "./reaper.ts";
import { forgetCrashesAfterMs, restartDelayMs, shouldRestart } from "./restart.ts";

/** What a container asks of its pod and node. */
export type ContainerHost = {
  readonly podIP: string;
  readonly folder: string;
  /** Folder of each volume, by the volume's name. */
  readonly volumes: ReadonlyMap<string, string>;
  readonly read: ReadSource;
  readonly entrypoint: (image: string) => { command: string; args: string[] } | undefined;
  /** Variables the node itself sets, e.g. KUBECONFIG. */
  readonly extraEnv: Record<string, string>;
  readonly reaper: Reaper;
  pod(): Pod;
  changed(): void;
  event(type: "Normal" | "Warning", reason: string, message: string): void;
};

/** One container of a pod over its whole life: started, probed, restarted with growing pauses, stopped. */
export class ContainerRunner {
  readonly #spec: Container;
  readonly #host: ContainerHost;
  readonly #stopping = new AbortController();
  #state: ContainerState = { waiting: { reason: "ContainerCreating" } };
  #lastState: ContainerState = {};
  #ready = false;
  #started = false;
  #restarts = 0;
  #current: ContainerProcess | undefined;
  #previous: ContainerProcess | undefined;

  constructor(spec: Container, host: ContainerHost) {
    this.#spec = spec;
    this.#host = host;
  }

  get pid(): number | undefined {
    return this.#state.running && this.#current?.pid;
  }

  facts(): ContainerFacts {
    return {
      name: this.#spec.name,
      image: this.#spec.image,
      imageID: this.#current === undefined ? "" : `process://${this.#spec.image}`,
      ...(this.#current === undefined ? {} : { containerID: this.#current.id }),
      ready: this.#ready,
      started: this.#started,
      restartCount: this.#restarts,
      state: this.#state,
      lastState: this.#lastState,
    };
  }

  /** While a container waits for its next start, the last run is the previous one. */
  log(previous: boolean): ContainerLog | undefined {
    return (previous && !this.#state.waiting ? this.#previous : this.#current)?.log;
  }

  /** Runs until the restart policy or `stop` ends it. */
  async run(): Promise<void> {
    let crashes = 0;
    while (!this.#stopping.signal.aborted) {
      const launch = launchFor(this.#spec, this.#host);
      if ("problem" in launch) {
        await this.#waitFor(launch);
        continue;
      }
      const startedAt = Date.now();
      const exitCode = await this.#runOnce(launch);
      if (this.#stopping.signal.aborted) return;
      if (!shouldRestart(this.#host.pod().spec.restartPolicy, exitCode)) return;
      if (Date.now() - startedAt > forgetCrashesAfterMs) crashes = 0;
      await this.#backOff(restartDelayMs(crashes++));
      if (!this.#stopping.signal.aborted) this.#restarts++;
    }
  }

  /** SIGTERM, then SIGKILL when the grace period is over. Waits for the process to be gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    if (this.#state.running) await this.#current?.terminate(graceMs);
  }

  async #runOnce(launch: Launch): Promise<number> {
    await prepareLaunch(launch);
    if (this.#stopping.signal.aborted) return 0;
    const startedAt = timestamp(new Date());
    const current = new ContainerProcess(launch, this.#host.reaper);
    this.#previous = this.#current;
    this.#current = current;
    this.#state = { running: { startedAt } };
    this.#host.event("Normal", "Started", `Started container ${this.#spec.name}`);
    this.#host.changed();

    const probing = new AbortController();
    const probes = this.#probe(current, probing.signal);
    const ending = await current.ended;
    probing.abort();
    await probes;
    const fallBackToLog = this.#spec.terminationMessagePolicy === "FallbackToLogsOnError";
    const message = await current.terminationMessage(ending, { fallBackToLog });
    this.#state = {
      terminated: {
        exitCode: ending.exitCode,
        reason: ending.problem !== undefined ? "StartError" : ending.exitCode === 0 ? "Completed" : "Error",
        ...(message === "" ? {} : { message }),
        startedAt,
        finishedAt: timestamp(new Date()),
        containerID: current.id,
      },
    };
    this.#set({ ready: false, started: false });
    return ending.exitCode;
  }

  async #probe(process: ContainerProcess, signal: AbortSignal): Promise<void> {
    await runProbes({
      container: this.#spec,
      podIP: this.#host.podIP,
      signal,
      listener: {
        started: () => this.#set({ started: true }),
        ready: (ready) => this.#set({ ready }),
        failed: (kind, message, fatal) => {
          if (!fatal) return this.#host.event("Warning", "Unhealthy", `${kind} probe failed: ${message}`);
          const text = `Container ${this.#spec.name} failed ${kind.toLowerCase()} probe, will be restarted`;
          this.#host.event("Normal", "Killing", text);
          void process.terminate(1000 * (this.#host.pod().spec.terminationGracePeriodSeconds ?? 30));
        },
      },
    });
  }

  /** A problem that may go away by itself (a missing ConfigMap, a foreign image): told in the status, then tried again. */
  async #waitFor({ reason, problem, retryMs }: { reason: string; problem: string; retryMs: number }): Promise<void> {
    this.#host.event("Warning", "Failed", problem);
    this.#state = { waiting: { reason, message: problem } };
    this.#host.changed();
    await this.#pause(retryMs);
    if (reason !== "ErrImagePull" || this.#stopping.signal.aborted) return;
    const message = `Back-off pulling image "${this.#spec.image}"`;
    this.#state = { waiting: { reason: "ImagePullBackOff", message } };
    this.#host.event("Normal", "BackOff", message);
    this.#host.changed();
    await this.#pause(retryMs * 10);
  }

  async #backOff(delayMs: number): Promise<void> {
    if (delayMs > 0) {
      const podName = `${this.#host.pod().metadata.name}_${this.#host.pod().metadata.namespace}`;
      const message = `back-off ${delayMs / 1000}s restarting failed container=${this.#spec.name} pod=${podName}`;
      this.#host.event("Warning", "BackOff", message);
      this.#lastState = this.#state;
      this.#state = { waiting: { reason: "CrashLoopBackOff", message } };
      this.#host.changed();
      await this.#pause(delayMs);
    } else this.#lastState = this.#state;
  }

  #set({ ready = this.#ready, started = this.#started }: { ready?: boolean; started?: boolean }): void {
    this.#ready = ready && this.#state.running !== undefined;
    this.#started = started && this.#state.running !== undefined;
    this.#host.changed();
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, this.#stopping.signal).catch(() => {/* stopping: the caller looks at the signal */});
  }
}
