/**
 * `npm run bench -- rotation [--minutes 10]`: a cluster with three replicas of a policy server, asked all the time through
 * the API server and pod by pod, while its authority, its serving certificate and the trust in former authorities change
 * again and again. Prints what was asked and what was lost.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { runtimeCommand, type RuntimeName } from "../../tools/runtimes.ts";

/** Runs it in a process of its own: the local cluster starts everything on the runtime that it runs on itself. */
export async function benchRotation({ runtime, minutes }: { runtime: RuntimeName; minutes: number }): Promise<void> {
  const { command, args } = runtimeCommand(runtime);
  const file = fileURLToPath(new URL("run.ts", import.meta.url));
  const child = spawn(command, [...args, file, String(minutes)], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`the rotations ended with ${code}`);
}
