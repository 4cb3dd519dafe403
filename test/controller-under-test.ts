import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCondition } from "../contracts/conditions.ts";
import { type KubeObject, type ObjectRef, refOf } from "../contracts/kubernetes.ts";
import { apiVersion } from "../contracts/names.ts";
import { startApiServer } from "../local-cluster/api/server.ts";
import { sha256Hex } from "../runtime/digest.ts";
import { connectKube, type Kube } from "../runtime/kube/kube.ts";
import { renderKustomization } from "../tools/kustomize.ts";
import { currentRuntime, runtimeCommand } from "../tools/runtimes.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** An API server with our installation but for its Deployments; single controllers run on it as real processes. */
export type ControllerBench = {
  kube: Kube;
  /** Starts a service under its own ServiceAccount and Lease; the function ends it with a signal and waits. */
  start(service: string, args?: string[]): Promise<(signal?: NodeJS.Signals) => Promise<number | null>>;
  /** All that the processes wrote so far. */
  written(): string;
  stop(): Promise<void>;
};

export async function startControllerBench(
  options: { disturbances?: boolean; seed?: number } = {},
): Promise<ControllerBench> {
  const api = await startApiServer(options);
  const folder = await mkdtemp(join(tmpdir(), "kubewarden-bench-"));
  const kubeconfig = join(folder, "admin");
  await writeFile(kubeconfig, api.kubeconfig(), { mode: 0o600 });
  const kube = await connectKube({ kubeconfig });
  const installation = await renderKustomization(join(root, "deploy/kustomize/overlays/default"));
  // Nothing runs the Deployments here, and no PolicyServer is asked for.
  for (const each of installation) {
    if (!["Deployment", "ConfigMap"].includes(each.kind)) await kube.apply(each, { fieldManager: "kubectl" });
  }
  for (const crd of installation.filter(({ kind }) => kind === "CustomResourceDefinition")) {
    await until(`CRD ${crd.metadata.name} is established`, async () => {
      const status = (await kube.get(refOf(crd)))?.status as { conditions?: { type: string; status: string }[] };
      return status?.conditions?.some(({ type, status }) => type === "Established" && status === "True");
    });
  }

  /** As the service's pod: with its ServiceAccount and the rights that deploy/ gives it. */
  async function accessOf(service: string): Promise<string> {
    const ref = { apiVersion: "v1", kind: "ServiceAccount", namespace: "kubewarden", name: service };
    const account = await kube.get(ref);
    if (!account) throw new Error(`deploy/kustomize has no ServiceAccount "${service}"`);
    const tokenFile = join(folder, `${service}.token`), file = join(folder, service);
    await writeFile(tokenFile, api.tokens.issue({ account }, new Date()).token, { mode: 0o600 });
    await writeFile(file, api.kubeconfig({ tokenFile }), { mode: 0o600 });
    return file;
  }

  const running = new Set<ChildProcess>();
  let text = "";
  evidence = () => text;
  return {
    kube,
    async start(service, args = []) {
      const { command, args: before } = runtimeCommand(currentRuntime);
      const common = [
        "--kubeconfig",
        await accessOf(service),
        "--health-probe-bind-address",
        "0",
        "--metrics-bind-address",
        "0",
      ];
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
    written: () => text,
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
export async function until<T>(what: string, probe: () => Promise<T | undefined | false>, seconds = 60): Promise<T> {
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

/** Plays the webhook-registrar: all webhooks of PolicyServer `default` trust the bundle that is published now. */
export async function confirmTrust(kube: Kube): Promise<void> {
  const ref = { apiVersion, kind: "PolicyServer", name: "default" };
  const server = await kube.get(ref);
  const { caBundle = "" } = (server?.status ?? {}) as { caBundle?: string };
  const status = { trustedCaDigest: sha256Hex(caBundle) };
  const object = { apiVersion, kind: ref.kind, metadata: { name: ref.name, uid: server!.metadata.uid }, status };
  await kube.apply(object, { fieldManager: "webhook-registrar", subresource: "status", force: true });
}
