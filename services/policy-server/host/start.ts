import { messageOf } from "../../../contracts/errors.ts";
import type { PoliciesFile } from "../../../contracts/policy-config.ts";
import type { Kube } from "../../../runtime/kube/kube.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import type { Metrics } from "../../../runtime/telemetry/metrics.ts";
import type { Config } from "../config.ts";
import { maxReplyBytes } from "../guest/sync-channel.ts";
import { policiesAskingTheCluster } from "../policies/asks-cluster.ts";
import type { PolicyProblem } from "../policies/problems.ts";
import { countRefusals, observeCopies } from "../telemetry/host-metrics.ts";
import { answerQuestions, type HostParts } from "./answers.ts";
import { type AnswerHostCall, hostCallAnswerer } from "./dispatch.ts";
import type { CollectionsLimits } from "./kubernetes/collections.ts";
import { ContextMemory } from "./kubernetes/context-memory.ts";
import { Inventories } from "./kubernetes/inventories.ts";
import { LazyCluster } from "./kubernetes/lazy-cluster.ts";

export type ConnectCluster = () => Promise<Kube>;
export type Host = {
  answerHostCall: AnswerHostCall;
  cluster: LazyCluster;
  /** What of the cluster policies see without asking. */
  inventories: Inventories;
  /** Policies that cannot be served as there is no cluster that they could ask. */
  problems: readonly PolicyProblem[];
  close(): void;
};
type Options = {
  config: Config;
  connect: ConnectCluster;
  /** Reading and verifying images; without them guests read that these are not available. */
  images: Pick<HostParts, "oci" | "verify">;
  metrics: Metrics;
  log: Log;
};

const bytesPerMiB = 1024 * 1024;
const limits: CollectionsLimits = {
  startMs: 10_000,
  staleMs: 60_000,
  // API servers send a bookmark about once a minute.
  silentMs: 150_000,
  maxCollections: 256,
  idleMs: 30 * 60_000,
  failureMs: 2_000,
};

/**
 * Everything that guests may ask for. Connects to the cluster at once if a policy is meant to ask it: without one these
 * policies have problems, unless that is to be ignored (reference/policy-server.md 3.1.2). Asks the cluster nothing yet.
 */
export async function startHost(file: PoliciesFile, { config, connect, images, metrics, log }: Options): Promise<Host> {
  const memory = new ContextMemory(config.contextCacheLimitMiB * bytesPerMiB);
  const cluster = new LazyCluster({ connect, limits, memory, maxBytes: maxReplyBytes, log });
  const askers = policiesAskingTheCluster(file);
  const problems = askers.length > 0 ? await connectionProblems(cluster, askers, { config, log }) : [];
  observeCopies(metrics, () => cluster.states());
  const { confineNamespacedPolicies } = config;
  const refused = countRefusals(metrics);
  return {
    cluster,
    inventories: new Inventories({
      snapshot: (kind, signal) => cluster.snapshot(kind, signal),
      memory,
      confineNamespacedPolicies,
      refused,
      log,
    }),
    problems,
    close: () => cluster.close(),
    answerHostCall: hostCallAnswerer({
      answer: answerQuestions({ ...images, kubernetes: (question, signal) => cluster.answer(question, signal) }),
      isNamespaced: (kind, signal) => cluster.isNamespaced(kind, signal),
      confineNamespacedPolicies,
      refused,
      log,
    }),
  };
}

/** By kubeconfig or as the pod's ServiceAccount. Its libraries are loaded by those who call it only. */
export async function connectDefaultCluster(): Promise<Kube> {
  const { connectKube } = await import("../../../runtime/kube/kube.ts");
  return await connectKube({ userAgent: "kubewarden-policy-server" });
}

async function connectionProblems(
  cluster: LazyCluster,
  askers: readonly string[],
  { config, log }: Pick<Options, "config" | "log">,
): Promise<PolicyProblem[]> {
  try {
    await cluster.connected();
    return [];
  } catch (error) {
    log.error(`Cannot connect to Kubernetes cluster: ${messageOf(error)}`);
    const message = (will: string) => `Cannot connect to Kubernetes, context aware policies ${will} not work properly`;
    if (!config.ignoreKubernetesConnectionFailure) {
      const hint = "The ServiceAccount of the PolicyServer may have no token: see docs/operations/context-aware.md";
      return askers.map((policy) => ({ policy, code: "CONFIG_INVALID", message: `${message("would")}. ${hint}` }));
    }
    log.error(message("will"), { policies: askers });
    return [];
  }
}
