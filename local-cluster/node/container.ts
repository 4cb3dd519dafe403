import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { constants } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../contracts/errors.ts";
import { sleep } from "../../runtime/sleep.ts";
import { timestamp } from "../workloads/deployment-status.ts";
import type { Container, ContainerState, Pod } from "../workloads/pod.ts";
import { ContainerLog } from "./container-log.ts";
import type { ReadSource } from "./environment.ts";
import type { ContainerFacts } from "./pod-status.ts";
import { runProbes } from "./prober.ts";
import { killGroup, signalProcess } from "./process-group.ts";
import type { Reaper } from "./reaper.ts";
import { type Launch, launchFor } from "./launch.ts";
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

const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

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
  #containerID: string | undefined;
  #child: ChildProcess | undefined;
  #asked: ChildProcess | undefined;
  #logs: { current?: ContainerLog; previous?: ContainerLog } = {};

  constructor(spec: Container, host: ContainerHost) {
    this.#spec = spec;
    this.#host = host;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  facts(): ContainerFacts {
    return {
      name: this.#spec.name,
      image: this.#spec.image,
      imageID: this.#containerID === undefined ? "" : `process://${this.#spec.image}`,
      ...(this.#containerID === undefined ? {} : { containerID: this.#containerID }),
      ready: this.#ready,
      started: this.#started,
      restartCount: this.#restarts,
      state: this.#state,
      lastState: this.#lastState,
    };
  }

  log(previous: boolean): ContainerLog | undefined {
    return previous ? this.#logs.previous : this.#logs.current;
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
      this.#restarts++;
    }
  }

  /** SIGTERM, then SIGKILL when the grace period is over. Waits for the process to be gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#terminate(graceMs);
  }

  async #terminate(graceMs: number): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    // A second SIGTERM means "at once" to many programs, so it is sent once.
    if (graceMs > 0 && this.#asked !== child) signalProcess(child.pid, "SIGTERM");
    this.#asked = child;
    const timer = setTimeout(() => signalProcess(child.pid, "SIGKILL"), graceMs);
    await gone;
    clearTimeout(timer);
  }

  async #runOnce(launch: Launch): Promise<number> {
    const messageFile = launch.terminationMessageFile;
    await mkdir(dirname(messageFile), { recursive: true });
    await rm(messageFile, { force: true });
    if (this.#stopping.signal.aborted) return 0;
    const log = new ContainerLog();
    this.#logs = { current: log, previous: this.#logs.current };
    this.#containerID = `process://${crypto.randomUUID()}`;
    const startedAt = timestamp(new Date());
    // Its own process group: Ctrl-C in the terminal of the cluster must not reach the pods by itself.
    const child = spawn(launch.command, launch.args, {
      cwd: projectRoot,
      env: launch.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const exited = exitOf(child, log);
    this.#child = child;
    if (child.pid !== undefined) this.#host.reaper.add(child.pid);
    this.#state = { running: { startedAt } };
    this.#host.event("Normal", "Started", `Started container ${this.#spec.name}`);
    this.#host.changed();

    const probing = new AbortController();
    const probes = this.#probe(probing.signal);
    const { exitCode, problem } = await exited;
    probing.abort();
    await probes;
    if (child.pid !== undefined) this.#host.reaper.drop(child.pid);
    this.#child = undefined;
    const message = problem ?? await this.#terminationMessage(messageFile, exitCode, log);
    this.#state = {
      terminated: {
        exitCode,
        reason: exitCode === 0 ? "Completed" : problem === undefined ? "Error" : "StartError",
        ...(message === "" ? {} : { message }),
        startedAt,
        finishedAt: timestamp(new Date()),
        containerID: this.#containerID,
      },
    };
    this.#set({ ready: false, started: false });
    return exitCode;
  }

  async #probe(signal: AbortSignal): Promise<void> {
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
          void this.#terminate(1000 * (this.#host.pod().spec.terminationGracePeriodSeconds ?? 30));
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

  async #terminationMessage(file: string, exitCode: number, log: ContainerLog): Promise<string> {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      return `cannot read the termination message: ${messageOf(error)}`;
    });
    // Kubernetes keeps 4096 bytes of a message.
    if (text !== "") return new TextDecoder().decode(new TextEncoder().encode(text).slice(0, 4096));
    return this.#spec.terminationMessagePolicy === "FallbackToLogsOnError" && exitCode !== 0 ? log.tail() : "";
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

function exitOf(child: ChildProcess, log: ContainerLog): Promise<{ exitCode: number; problem?: string }> {
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8");
    child[stream]?.on("data", (chunk: string) => log.write(stream, chunk));
  }
  // Whatever the process started dies with it, as everything in a container dies with its first process.
  child.once("exit", () => killGroup(child.pid));
  return new Promise((resolve) => {
    child.once("error", (error) => {
      if (child.pid === undefined) resolve({ exitCode: 128, problem: messageOf(error) });
    });
    child.once("close", (code, signal) => {
      log.end();
      resolve({ exitCode: code ?? 128 + (signal ? constants.signals[signal] : 0) });
    });
  });
}
