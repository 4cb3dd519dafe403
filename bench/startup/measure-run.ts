import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

export type Measured = { ms: number; peakMiB: number };

/** Runs a program until it says `until`, or to its end; how long that took, and its peak of resident memory (Linux). */
export async function measureRun(
  [command = "", ...args]: readonly string[],
  { until, env = {} }: { until?: string; env?: Record<string, string> },
): Promise<Measured> {
  const started = performance.now();
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  let peakMiB = 0;
  const look = () => peakMiB = Math.max(peakMiB, peakOf(child.pid ?? 0));
  // The kernel keeps the peak; it must only be read before the process is gone.
  const looking = setInterval(look, 2);
  try {
    if (until === undefined) {
      child.stdout.resume();
      await ended;
    } else if (!await says(createInterface({ input: child.stdout }), until)) {
      throw new Error(`${command} ended before it was ready`);
    }
    const ms = performance.now() - started;
    look();
    return { ms, peakMiB };
  } finally {
    clearInterval(looking);
    child.kill("SIGTERM");
    await ended;
  }
}

async function says(lines: AsyncIterable<string>, text: string): Promise<boolean> {
  for await (const line of lines) if (line.includes(text)) return true;
  return false;
}

function peakOf(pid: number): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0; // Gone, or not Linux.
  }
}
