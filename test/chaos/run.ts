import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { type LocalCluster, startLocalCluster } from "../../local-cluster/cluster.ts";
import type { Stage } from "../../local-cluster/demo/looks.ts";
import { connectKube } from "../../runtime/kube.ts";
import { renderKustomization } from "../../tools/kustomize.ts";
import { differences, dumpOf } from "./dump.ts";
import { playSteps } from "./story.ts";
import { until } from "../../local-cluster/demo/until.ts";

export const controllers = ["certs", "reconciler", "webhook-registrar"] as const;
export type Controller = (typeof controllers)[number];

/** SIGKILL the controller right before or right after its k-th write (from 1); Leases and Events do not count. */
export type Kill = { controller: Controller; k: number; phase: "before" | "after" };

export type Outcome = {
  dump: Record<string, unknown>;
  /** How many writes each controller made, Leases and Events aside. */
  writes: Record<Controller, number>;
  /** Which write the kill fell on, as `verb resource`; undefined if there was no kill or it was never reached. */
  fell?: string;
};

const overlay = join(dirname(fileURLToPath(import.meta.url)), "../../deploy/kustomize/overlays/default");
/** How long one step, and the way to the end state, may take. */
const limitMs = 60_000;

/** Plays the story on a fresh cluster and returns what is left, once it equals `expected` or has stopped changing. */
export async function playStory(
  options: { modulesHost: string; seed: number; kill?: Kill; expected?: Record<string, unknown>; signal: AbortSignal },
): Promise<Outcome> {
  const cluster = await startLocalCluster({ seed: options.seed });
  try {
    const watch = countWrites(cluster, options.kill);
    const kube = await connectKube({ kubeconfig: cluster.kubeconfigPath, userAgent: "chaos" });
    const wait = { limitMs, signal: options.signal };
    const stage: Stage = { kube, modulesHost: options.modulesHost, wait };
    const rendered: KubeObject[] = await renderKustomization(overlay);
    await playSteps(stage, rendered);
    const dump = await settledDump(stage, options.expected);
    return { dump, writes: watch.writes, fell: watch.fell() };
  } finally {
    await cluster.stop();
  }
}

async function settledDump(
  { kube, wait }: Stage,
  expected?: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  let last: Record<string, unknown> = {}, unchanged = 0;
  await until("an end state", async () => {
    const next = await dumpOf(kube, wait.signal);
    const found = differences(expected ?? last, next);
    last = next;
    unchanged = found.length === 0 ? unchanged + 1 : 0;
    // An undisturbed run is at its end when nothing changed for a while; a disturbed one when it has come to the same.
    return unchanged >= (expected ? 1 : 40) || found.slice(0, 5).join("; ");
  }, wait).catch((error: Error) => {
    if (error.name !== "NeverCame" || !expected) throw error;
  });
  return last;
}

function countWrites(cluster: LocalCluster, kill: Kill | undefined) {
  const writes: Record<Controller, number> = { certs: 0, reconciler: 0, "webhook-registrar": 0 };
  let fell: string | undefined;
  const end = (controller: Controller) => {
    const pods = cluster.node.pods().filter((pod) => Object.values(pod.labels).includes(controller));
    for (const pid of pods.flatMap((pod) => pod.pids)) process.kill(pid, "SIGKILL");
  };
  cluster.api.setOnWrite(({ user, verb, resource, phase }) => {
    const controller = controllers.find((each) => user === `system:serviceaccount:kubewarden:${each}`);
    if (!controller || /^(leases|events)\b/.test(resource)) return;
    if (phase === "before") writes[controller]++;
    if (!kill || fell || kill.controller !== controller || kill.phase !== phase || writes[controller] !== kill.k) {
      return;
    }
    fell = `${verb} ${resource}`;
    end(controller);
    // Killed before its write: the write must not happen.
    if (phase === "before") throw new Error("the client was killed before this write");
  });
  return { writes, fell: () => fell };
}
