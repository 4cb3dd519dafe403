import { existsSync, writeFileSync } from "node:fs";
import { KubewardenError, messageOf } from "../../contracts/errors.ts";
import { createLog, type Log } from "../telemetry/log.ts";

export type ProcessOptions = {
  log?: Log;
  /** What of an error goes into the termination message; default its message. */
  terminationMessageOf?: (error: unknown) => string;
};

export type ProcessContext = { signal: AbortSignal; env: Readonly<Record<string, string | undefined>> };

/**
 * Runs a program to its end and ends the process: 0 when `main` returns (also after SIGTERM or SIGINT, which abort the
 * signal), 2 on a usage error, 1 on any other failure, whose message also becomes the pod's termination message. A
 * second signal ends the process at once.
 */
export async function runProcess(
  main: (context: ProcessContext) => Promise<void>,
  { log = createLog(), terminationMessageOf = messageOf }: ProcessOptions = {},
): Promise<void> {
  const stop = new AbortController();
  const fail = (error: unknown) => {
    // What nobody awaited and the stop ended is no failure.
    if (stop.signal.aborted && error === stop.signal.reason) return;
    failProcess(error, log, terminationMessageOf);
  };
  for (const [name, number] of [["SIGTERM", 15], ["SIGINT", 2]] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(128 + number);
      log.info(`${name} received, stopping`);
      stop.abort(new DOMException(`${name} received`, "AbortError"));
    });
  }
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  // Waiting for a signal alone does not keep Node running.
  setInterval(() => {}, 2 ** 30);
  try {
    await main({ signal: stop.signal, env: process.env });
  } catch (error) {
    if (!stop.signal.aborted) fail(error);
    if (error !== stop.signal.reason) log.warn("stopped with an error", { error });
  }
  process.exit(0);
}

function failProcess(error: unknown, log: Log, terminationMessageOf: (error: unknown) => string): never {
  if (error instanceof KubewardenError && error.code === "USAGE") {
    process.stderr.write(`error: ${error.message}\nSee --help.\n`);
    writeTerminationMessage(error.message);
    process.exit(2);
  }
  log.error("failed", { error, stack: error instanceof KubewardenError ? undefined : (error as Error)?.stack });
  writeTerminationMessage(terminationMessageOf(error));
  process.exit(1);
}

const defaultTerminationLog = "/dev/termination-log";
// Kubernetes keeps no more of it.
const terminationMessageBytes = 4096;

/** Leaves the reason of an exit where the kubelet puts it into the pod's status; outside a pod there is no such file. */
export function writeTerminationMessage(text: string): void {
  const path = process.env.TERMINATION_MESSAGE_PATH || defaultTerminationLog;
  if (path === defaultTerminationLog && !existsSync(path)) return;
  let bytes = new TextEncoder().encode(text);
  if (bytes.length > terminationMessageBytes) {
    // A cut inside a character is dropped, not turned into a replacement character.
    bytes = new TextEncoder().encode(
      new TextDecoder().decode(bytes.subarray(0, terminationMessageBytes), { stream: true }),
    );
  }
  try {
    writeFileSync(path, bytes);
  } catch {
    // The exit code and the log still tell; a read-only or foreign file system must not hide the failure itself.
  }
}
