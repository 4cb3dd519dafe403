import { messageOf } from "../../contracts/errors.ts";
import { parseCli } from "../../runtime/cli.ts";
import { createLog, type Log } from "../../runtime/log.ts";
import { type ProcessContext, runProcess } from "../../runtime/process.ts";
import { configOf, type Flags, flags } from "./config.ts";
import { terminationMessageOf } from "./policies/problems.ts";
import { startPolicyServer } from "./server.ts";

const spec = {
  name: "policy-server",
  description: "Serves Kubewarden policies to a Kubernetes API server.",
  flags,
};

/** Upstream's switches that an environment may set and this server does not have. */
const notAvailable = ["CONTINUE_ON_ERRORS", "DAEMON", "ENABLE_METRICS"].map((name) => `KUBEWARDEN_${name}`);

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
    const values = parseCli(spec, argv, context.env);
    if (values === undefined) return;
    log = logOf(values);
    for (const name of notAvailable) {
      if (!["", "0", "false", "no"].includes(context.env[name]?.toLowerCase() ?? "")) {
        log.warn("This setting is not available yet and has no effect", { setting: name });
      }
    }
    await run(values, context, log);
  }, { log: current, terminationMessageOf });
}

async function run(values: Flags, { signal }: ProcessContext, log: Log): Promise<void> {
  try {
    const { closed } = await startPolicyServer(configOf(values), { log, signal });
    await closed;
  } catch (error) {
    // Upstream's form, for people who look at the container's standard error.
    if (!signal.aborted) console.error(`Error: ${messageOf(error)}`);
    throw error;
  }
}

function logOf({ logLevel, logFmt }: Flags): Log {
  const log = createLog({
    level: logLevel === "trace" ? "debug" : logLevel,
    format: logFmt === "text" ? "text" : "json",
  });
  if (logFmt === "otlp") log.warn("Traces by OTLP are not available yet, logging as JSON");
  return log;
}
