import { resolve } from "node:path";
import { copyFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createLog, type LogLevel } from "../runtime/telemetry/log.ts";
import { currentRuntime, type RuntimeName } from "../tools/runtimes.ts";
import { startLocalCluster } from "./cluster.ts";

const help = `Usage: node local-cluster/main.ts [options]

Runs a local Kubernetes cluster until Ctrl-C and prints its KUBECONFIG.

  --runtime node|deno   what pods run on (default: the runtime of this process)
  --dir DIR             folder for pods and kubeconfig, kept at the end (default: a temporary one)
  --kubeconfig FILE     also write the administrator's kubeconfig there
  --seed N              seed of the cluster's lags and losses (default: 1)
  --no-disturbances     no lags and losses at all
  --log-level LEVEL     debug, info, warn or error (default: warn)
`;

const { values } = parseArgs({
  options: {
    runtime: { type: "string" },
    dir: { type: "string" },
    kubeconfig: { type: "string" },
    seed: { type: "string" },
    "no-disturbances": { type: "boolean" },
    "log-level": { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
const stopped = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.resolve());

const cluster = await startLocalCluster({
  runtime: (values.runtime ?? currentRuntime) as RuntimeName,
  ...(values.dir === undefined ? {} : { dir: resolve(values.dir) }),
  seed: Number(values.seed ?? 1),
  disturbances: values["no-disturbances"] !== true,
  log: createLog({ format: "text", level: (values["log-level"] ?? "warn") as LogLevel }),
});
if (values.kubeconfig !== undefined) await copyFile(cluster.kubeconfigPath, values.kubeconfig);
console.log(`export KUBECONFIG=${values.kubeconfig ?? cluster.kubeconfigPath}`);
await stopped.promise;
await cluster.stop();
process.exit(0);
