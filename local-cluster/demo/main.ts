/**
 * The main job on the local cluster, step by step. Exits 0 only if every step was observed.
 *
 *   npm run demo -- [--keep] [--runtime node|deno] [--without certs|reconciler|webhook-registrar|policy-server]
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { messageOf } from "../../contracts/errors.ts";
import { connectKube } from "../../runtime/kube/kube.ts";
import { renderKustomization } from "../../tools/kustomize.ts";
import { currentRuntime, runtimeCommand, type RuntimeName } from "../../tools/runtimes.ts";
import { startLocalCluster } from "../cluster.ts";
import type { Stage } from "./looks.ts";
import { policiesFolder } from "./manifests.ts";
import { serveModules } from "./module-server.ts";
import { registryOfModules } from "./registry-of-modules.ts";
import { storyOf } from "./story.ts";
import { type Service, services, withoutService } from "./without.ts";

const overlay = join(dirname(fileURLToPath(import.meta.url)), "../../deploy/kustomize/overlays/default");

const usage = `Usage: npm run demo -- [options]

Starts a small Kubernetes on this machine, installs kubewarden-edge in it and walks through its story.

  --keep               leave the cluster running at the end, until Ctrl-C
  --runtime NAME       run every process, this one too, under node (default) or deno
  --without SERVICE    leave one out: ${services.join(", ")}
  --limit SECONDS      how long one step may take (default 45)
  --help               this text`;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "number") return options;
  if (options.runtime !== currentRuntime) return runUnder(options.runtime);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }

  const started = performance.now();
  const modules = await registryOfModules() ?? await serveModules(policiesFolder);
  const cluster = await startLocalCluster({ runtime: options.runtime });
  try {
    print(
      "the local cluster is up",
      started,
      `KUBECONFIG=${cluster.kubeconfigPath}\n         modules: ${modules.host}`,
    );
    const kube = await connectKube({ kubeconfig: cluster.kubeconfigPath, userAgent: "demo" });
    const wait = { limitMs: options.limitMs, signal: stop.signal };
    const done = await walk({ kube, modulesHost: modules.host, wait }, options.without);
    if (!done) return 1;
    console.log(`\nEvery step was observed, in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
    if (options.keep) await keep(cluster.kubeconfigPath, stop.signal);
    return 0;
  } finally {
    await cluster.stop();
    await modules.stop();
  }
}

/** Runs this very command as a process of the other runtime. */
function runUnder(runtime: RuntimeName): Promise<number> {
  const { command, args } = runtimeCommand(runtime);
  const child = spawn(command, [...args, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  // Ctrl-C reaches the whole foreground group; a signal to this process alone is passed on.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.pid !== undefined && process.kill(child.pid, "SIGTERM"));
  return new Promise((resolve) => child.on("close", (code) => resolve(code ?? 1)));
}

async function walk(stage: Stage, without: Service | undefined): Promise<boolean> {
  const rendered = await renderKustomization(overlay);
  for (const step of storyOf(without ? withoutService(rendered, without) : rendered)) {
    const started = performance.now();
    try {
      print(step.title, started, await step.run(stage) ?? "");
    } catch (error) {
      print(step.title, started, messageOf(error), "FAILED");
      return false;
    }
  }
  return true;
}

function print(title: string, started: number, detail: string, mark = "ok"): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${mark.padEnd(6)} ${title} (${seconds} s)${detail ? `\n         ${detail}` : ""}`);
}

async function keep(kubeconfigPath: string, signal: AbortSignal): Promise<void> {
  console.log(`
The cluster goes on running. In another terminal:

  export KUBECONFIG=${kubeconfigPath}
  kubectl get ps,cap,ap -A
  kubectl describe cap privileged-pods-trusted
  kubectl run greedy --image=nginx --privileged --namespace trusted     # denied
  kubectl logs -n kubewarden deployment/policy-server-default

Ctrl-C ends it.`);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

type Options = { keep: boolean; runtime: RuntimeName; without: Service | undefined; limitMs: number };

/** The options, or the exit code when there is nothing to run. */
function readOptions(): Options | number {
  try {
    const { values } = parseArgs({
      options: {
        keep: { type: "boolean", default: false },
        runtime: { type: "string", default: currentRuntime },
        without: { type: "string" },
        limit: { type: "string", default: "45" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return (console.log(usage), 0);
    const { keep, runtime, without } = values;
    if (runtime !== "node" && runtime !== "deno") throw new Error(`--runtime must be node or deno, not "${runtime}"`);
    const service = services.find((each) => each === without);
    if (without !== undefined && !service) {
      throw new Error(`--without must be one of ${services.join(", ")}, not "${without}"`);
    }
    const limitMs = Number(values.limit) * 1000;
    if (!(limitMs > 0)) throw new Error(`--limit must be a number of seconds, not "${values.limit}"`);
    return { keep, runtime, without: service, limitMs };
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${usage}`);
    return 2;
  }
}
