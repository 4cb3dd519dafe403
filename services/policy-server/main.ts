import { KubewardenError, messageOf } from "../../contracts/errors.ts";
import { parseCli } from "../../runtime/cli/cli.ts";
import { isDaemon, reportToParent, startDaemon } from "../../runtime/process/daemon.ts";
import { createLog, type Log } from "../../runtime/telemetry/log.ts";
import { type ProcessContext, runProcess } from "../../runtime/process/process.ts";
import { configOf } from "./config.ts";
import { writeDocs } from "./docs.ts";
import { type Flags, flags } from "./flags.ts";
import { builtins } from "./guest/builtins/builtins.ts";
import { terminationMessageOf } from "./policies/problems.ts";
import { startPolicyServer } from "./server.ts";

const builtinNames = [...builtins.keys()].sort().map((name) => `  - ${name}`).join("\n");

const spec = {
  name: "policy-server",
  description: "Serves Kubewarden policies to a Kubernetes API server.",
  flags,
  versionDetails: `Open Policy Agent/Gatekeeper implemented builtins:\n${builtinNames}`,
  commands: { "docs -o <file>": "write a reference of these flags" },
};

/** Runs the policy-server process: 0 after SIGTERM, 1 when it cannot serve what it is configured to, 2 for usage errors. */
export async function main(argv: string[]): Promise<void> {
  // Replaced once the flags are known; until then the process has nothing to log but its failure.
  let log: Log = createLog({ format: "text" });
  const current: Log = {
    debug: (...event) => log.debug(...event),
    info: (...event) => log.info(...event),
    warn: (...event) => log.warn(...event),
    error: (...event) => log.error(...event),
    child: (fields) => log.child(fields),
  };
  await runProcess(async (context) => {
    if (argv[0] === "docs") {
      return await tellFailure(context, () => writeDocs(spec, { argv: argv.slice(1), ...context }));
    }
    const values = parseCli(spec, argv, context.env);
    if (values === undefined) return;
    log = logOf(values);
    await tellFailure(context, () => run(values, context, log));
  }, { log: current, terminationMessageOf });
}

async function run(values: Flags, { signal, env }: ProcessContext, log: Log): Promise<void> {
  const config = configOf(values, env);
  if (values.daemon && !isDaemon()) return await goToBackground(values, { signal, log });
  const { closed } = await startPolicyServer(config, { log, signal });
  await reportToParent({ ready: true });
  await closed;
}

async function goToBackground(values: Flags, { signal, log }: { signal: AbortSignal; log: Log }): Promise<void> {
  const pidFile = values.daemonPidFile;
  const pid = await startDaemon({
    pidFile,
    stdoutFile: values.daemonStdoutFile || undefined,
    stderrFile: values.daemonStderrFile || undefined,
    signal,
  });
  log.info("Serving in the background", { pid, pidFile });
}

/** Says in upstream's form why the process ends, to who looks at its standard error, and to who started a daemon. */
async function tellFailure({ signal }: ProcessContext, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted && !isUsageError(error)) console.error(`Error: ${messageOf(error)}`);
    await reportToParent({ failure: messageOf(error) });
    throw error;
  }
}

/** Those are told by `runProcess`. */
function isUsageError(error: unknown): boolean {
  return error instanceof KubewardenError && error.code === "USAGE";
}

function logOf({ logLevel, logFmt, logNoColor }: Flags): Log {
  return createLog({
    level: logLevel === "trace" ? "debug" : logLevel,
    format: logFmt === "json" ? "json" : "text",
    color: process.stdout.isTTY === true && !logNoColor,
  });
}
