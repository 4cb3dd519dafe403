import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { crds } from "../contracts/crds.ts";
import { findCondition } from "../contracts/conditions.ts";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { apiVersion } from "../contracts/names.ts";
import { startApiServer } from "../local-cluster/api/server.ts";
import { connectKube, type Kube } from "../runtime/kube.ts";
import { currentRuntime, runtimeCommand } from "../tools/runtimes.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** An API server with our CRDs and the deployments namespace, on which single controllers run as real processes. */
export type ControllerBench = {
  kube: Kube;
  /** Starts a service with its own Lease; the function ends it with a signal and waits. */
  start(service: string, args?: string[]): Promise<(signal?: NodeJS.Signals) => Promise<number | null>>;
  stop(): Promise<void>;
};

export async function startControllerBench(
  options: { disturbances?: boolean; seed?: number } = {},
): Promise<ControllerBench> {
  const api = await startApiServer(options);
  const folder = await mkdtemp(join(tmpdir(), "kubewarden-bench-"));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, api.kubeconfig(), { mode: 0o600 });
  const kube = await connectKube({ kubeconfig });
  await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "kubewarden" } });
  for (const crd of Object.values(crds())) await kube.create(crd as KubeObject);
  for (const crd of Object.values(crds())) {
    const ref = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      name: (crd as KubeObject).metadata.name,
    };
    await until(`CRD ${ref.name} is established`, async () => {
      const conditions = ((await kube.get(ref))?.status as { conditions?: { type: string; status: string }[] })
        ?.conditions;
      return conditions?.some(({ type, status }) => type === "Established" && status === "True");
    });
  }

  const running = new Set<ChildProcess>();
  let text = "";
  evidence = () => text;
  return {
    kube,
    async start(service, args = []) {
      const { command, args: before } = runtimeCommand(currentRuntime);
      const common = ["--kubeconfig", kubeconfig, "--health-probe-bind-address", "0", "--metrics-bind-address", "0"];
      const child = spawn(command, [...before, join(root, "services/entrypoint.ts"), service, ...common, ...args], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      running.add(child);
      child.stdout.on("data", (chunk) => text += chunk);
      child.stderr.on("data", (chunk) => text += chunk);
      const exited = new Promise<number | null>((resolve) =>
        child.on("exit", (code) => (running.delete(child), resolve(code)))
      );
      return async (signal = "SIGTERM") => {
        // Not child.kill: Deno then takes the signal for the cause of an orderly exit.
        if (child.exitCode === null && child.pid !== undefined) process.kill(child.pid, signal);
        return await exited;
      };
    },
    async stop() {
      for (const child of running) child.kill("SIGKILL");
      await api.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What the processes of the running bench wrote, for the message of a failing test. */
let evidence = () => "";

/** Waits for a condition that somebody else brings about. */
export async function until<T>(what: string, probe: () => Promise<T | undefined | false>, seconds = 30): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (performance.now() > deadline) {
      throw new Error(`this did not come within ${seconds} s: ${what}\n${evidence().slice(-6000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A PolicyServer as users write it. */
export function policyServer(name: string): KubeObject {
  return { apiVersion, kind: "PolicyServer", metadata: { name }, spec: { replicas: 1 } };
}

/** Waits until an object's condition has that status. */
export async function untilCondition(
  kube: Kube,
  ref: ObjectRef,
  type: Parameters<typeof findCondition>[1],
  status: "True" | "False",
): Promise<KubeObject> {
  return await until(`${type}=${status} on ${ref.kind} ${ref.name}`, async () => {
    const object = await kube.get(ref);
    return object && findCondition(object, type)?.status === status ? object : undefined;
  });
}
