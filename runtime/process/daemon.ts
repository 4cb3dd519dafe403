import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { KubewardenError, messageOf } from "../../contracts/errors.ts";

/** How a daemon knows who waits for it; by process id, so that a variable that was left behind means nothing. */
const parentVariable = "KUBEWARDEN_DAEMON_PARENT";

type Report = { ready: true } | { failure: string };

export type DaemonOptions = {
  pidFile: string;
  /** Created or emptied; without one the output is lost. */
  stdoutFile?: string | undefined;
  stderrFile?: string | undefined;
  /** Ends the waiting, and the daemon with it. */
  signal: AbortSignal;
};

/** Whether this process was started by `startDaemon`. */
export function isDaemon(): boolean {
  return process.env[parentVariable] === String(process.ppid) && process.connected === true;
}

/** Tells the process that waits in `startDaemon` how the start went; of no effect in any other process. */
export async function reportToParent(report: Report): Promise<void> {
  if (!isDaemon()) return;
  // Who exits right after sending may be gone before it is read: the parent hangs up once it has read, or is gone.
  await new Promise<void>((done) => {
    process.once("disconnect", () => done());
    process.send?.(report, undefined, undefined, (error) => error && done());
  });
}

/**
 * Runs this program again, with the same arguments, in a session of its own, and waits until it says that it is ready.
 * Its id goes into the pid file. Throws CONFIG_INVALID with upstream's words, or with the daemon's own reason.
 */
export async function startDaemon(options: DaemonOptions): Promise<number> {
  const { pidFile, stdoutFile, stderrFile } = options;
  claimPidFile(pidFile);
  const files: number[] = [];
  try {
    const stdout = stdoutFile === undefined ? "ignore" : createFile(stdoutFile, "stdout");
    if (stdout !== "ignore") files.push(stdout);
    const shared = stdoutFile !== undefined && stderrFile !== undefined && resolve(stdoutFile) === resolve(stderrFile);
    const stderr = stderrFile === undefined ? "ignore" : shared ? stdout : createFile(stderrFile, "stderr");
    if (stderr !== "ignore" && !shared) files.push(stderr);
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      detached: true,
      env: { ...process.env, [parentVariable]: String(process.pid) },
      stdio: ["ignore", stdout, stderr, "ipc"],
    });
    return await started(child, options);
  } catch (error) {
    rmSync(pidFile, { force: true });
    throw error;
  } finally {
    files.forEach((each) => closeSync(each));
  }
}

async function started(child: ChildProcess, { pidFile, signal }: DaemonOptions): Promise<number> {
  const report = Promise.withResolvers<Report>(), gone = Promise.withResolvers<void>();
  child.on("error", (error) => {
    report.resolve({ failure: messageOf(error) });
    gone.resolve();
  });
  child.on("exit", (code) => {
    report.resolve({ failure: `it ended with ${code} before it was ready` });
    gone.resolve();
  });
  child.on("message", (message) => report.resolve(message as Report));
  const stop = () => {
    child.kill();
    report.reject(signal.reason);
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) stop();
    if (child.pid !== undefined) writeFileSync(pidFile, `${child.pid}\n`);
    const outcome = await report.promise;
    if (child.connected) child.disconnect();
    if ("ready" in outcome && child.pid !== undefined) return child.pid;
    await gone.promise;
    throw failed(`Cannot daemonize: ${"failure" in outcome ? outcome.failure : "it has no process id"}`);
  } finally {
    signal.removeEventListener("abort", stop);
    child.unref();
  }
}

/** Takes the pid file, with this process's id until the daemon has one. What a dead process left is replaced. */
function claimPidFile(path: string): void {
  try {
    const holder = holderOf(path);
    if (holder !== undefined) throw new Error(`"${path}" names process ${holder}, which still runs`);
    rmSync(path, { force: true });
    writeFileSync(path, `${process.pid}\n`, { flag: "wx" });
  } catch (cause) {
    throw failed(`Cannot daemonize: ${messageOf(cause)}`, cause);
  }
}

/** The living process of this program that a pid file names. */
function holderOf(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const id = Number(text);
  return Number.isInteger(id) && id > 0 && isAlive(id) && runsThisProgram(id) ? id : undefined;
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    // Alive, but somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Ids are used again; where the system does not tell what a process runs, it counts as this program. */
function runsThisProgram(id: number): boolean {
  try {
    return readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0").includes(process.argv[1] ?? "");
  } catch {
    return process.platform !== "linux"; // No such file: another system, or the process has just ended.
  }
}

function createFile(path: string, what: "stdout" | "stderr"): number {
  try {
    // Two steps, since Deno does not open a file that is emptied for appending.
    writeFileSync(path, "");
    return openSync(path, "a");
  } catch (cause) {
    throw failed(`Cannot create file for daemon ${what}: ${messageOf(cause)}`, cause);
  }
}

function failed(message: string, cause?: unknown): KubewardenError {
  return new KubewardenError("CONFIG_INVALID", message, { cause });
}
