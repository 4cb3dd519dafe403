import type { Kube } from "../../runtime/kube/kube.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import { WatchCache } from "../../runtime/kube/watch-cache.ts";
import type { Random } from "../api/random.ts";
import type { ApiServer } from "../api/server.ts";
import { EventRecorder } from "../node/events.ts";
import { deploymentLoop } from "./deployment.ts";
import { disruptionBudgetLoop } from "./disruption-budget.ts";
import { ServiceEndpoints } from "./endpoints.ts";
import { runGarbageCollector } from "./garbage-collector.ts";
import { runLoop } from "./loop.ts";
import { namespaceLoop } from "./namespaces.ts";
import { replicaSetLoop } from "./replica-set.ts";
import { serviceAccountLoop } from "./service-accounts.ts";

/** What takes how long. With disturbances each is seeded chance; without them the cluster is as quick as it can be. */
export type Delays = {
  deploymentStatusMs: () => number;
  garbageMs: () => number;
  /** How long after SIGTERM a terminating pod still gets traffic. */
  endpointLeaveMs: () => number;
  volumeMs: () => number;
};

export function delaysFor(random: Random, disturbances: boolean): Delays {
  const between = (minMs: number, maxMs: number) => () => disturbances ? random.between(minMs, maxMs) : 0;
  return {
    deploymentStatusMs: between(0, 250),
    garbageMs: between(0, 500),
    endpointLeaveMs: between(0, 3000),
    volumeMs: between(300, 2000),
  };
}

/** Runs what kube-controller-manager runs in a real cluster, as far as this one has it, until the signal. */
export async function runControllers(
  { kube, api, log, delays, signal }: { kube: Kube; api: ApiServer; log: Log; delays: Delays; signal: AbortSignal },
): Promise<void> {
  const cache = (apiVersion: string, kind: string) => new WatchCache(kube, { apiVersion, kind }, { log });
  const deployments = cache("apps/v1", "Deployment"), replicaSets = cache("apps/v1", "ReplicaSet");
  const pods = cache("v1", "Pod"), services = cache("v1", "Service"), namespaces = cache("v1", "Namespace");
  const serviceAccounts = cache("v1", "ServiceAccount"), budgets = cache("policy/v1", "PodDisruptionBudget");
  const caches = [deployments, replicaSets, pods, services, namespaces, serviceAccounts, budgets];
  const eventsOf = (component: string) => new EventRecorder(kube, { log, component });
  const endpoints = new ServiceEndpoints({ kube, services, pods, leaveDelayMs: delays.endpointLeaveMs });
  api.setServiceResolver((service) => endpoints.resolve(service));
  const loops = [
    deploymentLoop({
      kube,
      deployments,
      replicaSets,
      events: eventsOf("deployment-controller"),
      statusDelayMs: delays.deploymentStatusMs,
    }),
    replicaSetLoop({ kube, replicaSets, pods, events: eventsOf("replicaset-controller") }),
    endpoints.loop(),
    disruptionBudgetLoop({ kube, budgets, pods }),
    serviceAccountLoop({ kube, namespaces, serviceAccounts, caPem: api.caPem }),
    namespaceLoop({ kube, namespaces }),
  ];
  await Promise.all([
    ...caches.map((each) => each.start(signal)),
    ...loops.map((loop) => runLoop(loop, { log, signal })),
    runGarbageCollector({ kube, storage: api.storage, types: api.types, log, delayMs: delays.garbageMs, signal }),
  ]);
}
