import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { startLocalCluster } from "../../local-cluster/cluster.ts";
import type { Stage } from "../../local-cluster/demo/looks.ts";
import { until } from "../../local-cluster/demo/until.ts";
import { connectKube } from "../../runtime/kube/kube.ts";
import { renderKustomization } from "../../tools/kustomize.ts";
import { disturb } from "./disturb.ts";
import { differences, dumpOf } from "./dump.ts";
import { watchInvariants } from "./invariants.ts";
import type { Controller, Mischief } from "./mischief.ts";
import { probeRegistered } from "./probe.ts";
import { playSteps } from "./story.ts";

export type Outcome = {
  dump: Record<string, unknown>;
  writes: Record<Controller, number>;
  /** The writes that blows fell on. */
  fell: string[];
  spoilt: number;
  /** How often registered webhooks were called from outside. */
  calls: number;
  /** What must never be, and was. */
  broken: string[];
};

const overlay = join(dirname(fileURLToPath(import.meta.url)), "../../deploy/kustomize/overlays/default");
/** How long one step, and the way to the end state, may take. */
const limitMs = 120_000;

/** Plays the story on a fresh cluster and returns what is left, once it equals `expected` or has stopped changing. */
export async function playStory(options: {
  modulesHost: string;
  seed: number;
  mischief?: Mischief;
  standbyOf?: Controller;
  expected?: Record<string, unknown>;
  signal: AbortSignal;
}): Promise<Outcome> {
  const cluster = await startLocalCluster({ seed: options.seed });
  const probing = new AbortController();
  const invariants = watchInvariants(cluster.api.storage);
  const probe = probeRegistered(cluster.api, probing.signal);
  try {
    const disturbed = disturb(cluster, options.mischief);
    const kube = await connectKube({ kubeconfig: cluster.kubeconfigPath, userAgent: "chaos" });
    const wait = { limitMs, signal: options.signal };
    const stage: Stage = { kube, modulesHost: options.modulesHost, wait };
    const rendered: KubeObject[] = await renderKustomization(overlay);
    await playSteps(stage, { rendered, standbyOf: options.mischief?.standbyOf ?? options.standbyOf });
    await disturbed.calmDown();
    const dump = await settledDump(stage, options.expected);
    probing.abort();
    const { broken, calls } = await probe;
    const { writes, fell, spoilt } = disturbed;
    return { dump, writes, fell, spoilt: spoilt(), calls, broken: [...invariants.broken, ...broken] };
  } finally {
    invariants.stop();
    probing.abort();
    await probe;
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
  }, { ...wait, limitMs: 60_000 }).catch((error: Error) => {
    if (error.name !== "NeverCame" || !expected) throw error;
  });
  return last;
}
