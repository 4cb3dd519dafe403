import { type ChildProcess, spawn } from "node:child_process";
import { messageOf } from "../../contracts/errors.ts";

export type ProgramOptions = { input?: string; timeoutMs: number; maxBytes: number; signal: AbortSignal };
export type ProgramResult = { code: number | null; stdout: string; stderr: string };

/** Runs a program with text on its standard input. Throws an Error if it cannot be run, takes or says too much. */
export function runProgram(
  [command, ...args]: readonly [string, ...string[]],
  { input = "", timeoutMs, maxBytes, signal }: ProgramOptions,
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    const end = (error: unknown) => {
      killGroup(child);
      reject(error);
    };
    const timer = setTimeout(() => end(new Error(`"${command}" did not end within ${timeoutMs} ms`)), timeoutMs);
    const aborted = () => end(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener("abort", aborted, { once: true });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        output[name] += text;
        if (output[name].length > maxBytes) end(new Error(`"${command}" said more than ${maxBytes} bytes`));
      });
    }
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
    };
    child.on("error", (error) => {
      settle();
      reject(new Error(`"${command}" cannot be run: ${messageOf(error)}`, { cause: error }));
    });
    child.on("close", (code) => {
      settle();
      resolve({ code, ...output });
    });
    child.stdin.on("error", () => {}); // It may end without reading.
    child.stdin.end(input);
  });
}

/** With the programs that it started: they would hold its output open. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // Ended by itself just now.
  }
}
