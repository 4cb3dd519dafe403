import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { constants } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../contracts/errors.ts";
import { ContainerLog } from "./container-log.ts";
import type { Launch } from "./launch.ts";
import { killGroup, signalProcess } from "./process-group.ts";
import type { Reaper } from "./reaper.ts";

/** How a process ended: its code (128 and the signal's number if killed), or why it never began. */
export type Ending = { exitCode: number; problem?: string };

const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

/** One run of a container as a process, with its log. */
export class ContainerProcess {
  readonly log = new ContainerLog();
  readonly id = `process://${crypto.randomUUID()}`;
  /** Resolves when the process and its output have ended. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #messageFile: string;
  #isAsked = false;

  constructor(launch: Launch, reaper: Reaper) {
    this.#messageFile = launch.terminationMessageFile;
    // Its own process group: Ctrl-C in the terminal of the cluster must not reach the pods by itself.
    this.#child = spawn(launch.command, launch.args, {
      cwd: projectRoot,
      env: launch.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.ended = this.#follow(reaper);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** SIGTERM, then SIGKILL when the grace period is over. */
  async terminate(graceMs: number): Promise<void> {
    // A second SIGTERM means "at once" to many programs, so it is sent once.
    if (graceMs > 0 && !this.#isAsked) signalProcess(this.pid, "SIGTERM");
    this.#isAsked = true;
    const timer = setTimeout(() => signalProcess(this.pid, "SIGKILL"), graceMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** What the process left in its message file; else, if asked for and it failed, the end of its log. */
  async terminationMessage(
    { exitCode, problem }: Ending,
    { fallBackToLog }: { fallBackToLog: boolean },
  ): Promise<string> {
    if (problem !== undefined) return problem;
    const text = await readFile(this.#messageFile, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      return `cannot read the termination message: ${messageOf(error)}`;
    });
    // Kubernetes keeps 4096 bytes of a message.
    if (text !== "") return new TextDecoder().decode(new TextEncoder().encode(text).slice(0, 4096));
    return fallBackToLog && exitCode !== 0 ? this.log.tail() : "";
  }

  #follow(reaper: Reaper): Promise<Ending> {
    const child = this.#child, { pid } = child;
    if (pid !== undefined) reaper.add(pid);
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream]?.setEncoding("utf8");
      child[stream]?.on("data", (chunk: string) => this.log.write(stream, chunk));
    }
    // Whatever the process started dies with it, as everything in a container dies with its first process.
    child.once("exit", () => killGroup(pid));
    return new Promise((resolve) => {
      child.once("error", (error) => {
        if (pid === undefined) resolve({ exitCode: 128, problem: messageOf(error) });
      });
      child.once("close", (code, signal) => {
        if (pid !== undefined) reaper.drop(pid);
        this.log.end();
        resolve({ exitCode: code ?? 128 + (signal ? constants.signals[signal] : 0) });
      });
    });
  }
}

/** Makes room for a new run: no message of an earlier one may be taken for its own. */
export async function prepareLaunch({ terminationMessageFile }: Launch): Promise<void> {
  await mkdir(dirname(terminationMessageFile), { recursive: true });
  await rm(terminationMessageFile, { force: true });
}
