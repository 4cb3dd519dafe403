import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { currentRuntime, runtimeCommand } from "../../tools/runtimes.ts";

/** Kills the pods' processes when the cluster's own process is gone, however it went. */
export type Reaper = {
  add(pid: number): void;
  drop(pid: number): void;
  /** Ends the reaper; whatever it still knows is killed. */
  stop(): Promise<void>;
};

/**
 * Starts the reaper: a process that holds the other end of a pipe, which the system closes when this process ends.
 * `folder` is removed then too: it holds keys and tokens.
 */
export function startReaper({ folder }: { folder?: string } = {}): Reaper {
  const { command, args } = runtimeCommand(currentRuntime);
  const script = fileURLToPath(new URL("reaper-process.ts", import.meta.url));
  const child = spawn(command, [...args, script, ...(folder === undefined ? [] : [folder])], {
    stdio: ["pipe", "ignore", "inherit"],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.unref();
  // A reaper that was killed takes only the safety net away; the cluster itself still ends its pods.
  child.stdin.on("error", () => {});
  return {
    add: (pid) => void child.stdin.write(`+${pid}\n`),
    drop: (pid) => void child.stdin.write(`-${pid}\n`),
    stop() {
      child.ref();
      child.stdin.end();
      return ended;
    },
  };
}
