/**
 * `npm run bench -- controllers`: many PolicyServers and policies in the local cluster, first with one replica of each
 * controller, then with as many shards as asked. The policy servers are doubles: what counts is the controllers' work.
 */
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { apiVersion, controllerServiceAccounts as controllers } from "../../contracts/names.ts";
import { silentLog } from "../../runtime/telemetry/log.ts";
import { WatchCache } from "../../runtime/kube/watch-cache.ts";
import {
  type ControllersCluster,
  doublePolicyServer,
  metricsOf,
  policyRef,
  requestsOf,
  startControllersCluster,
  uncalledPolicy,
  withEnvironment,
} from "../../test/controllers-cluster.ts";
import type { RuntimeName } from "../../tools/runtimes.ts";

/** `qps`: `--kube-api-qps` of each controller; so high that the work is measured and not the limit, or low enough to spare. */
type Sizes = { runtime: RuntimeName; servers: number; policies: number; shards: readonly number[]; qps: number };
type Figures = {
  shards: number;
  /** From the start of the controllers until every policy is active. */
  convergedMs: number;
  requestsPerPolicy: number;
  memoryMiB: Record<string, number>;
  /** One more policy, until it is active; its requests are counted until the controllers are at rest. */
  change: { ms: number; requests: number };
};

/** Fills clusters, measures and prints; ends everything it has started. */
export async function benchControllers({ runtime, servers, policies, shards, qps }: Sizes): Promise<void> {
  console.log(`${runtime}: ${servers} PolicyServers, ${policies} policies`);
  const rows: Figures[] = [];
  for (const count of shards) {
    const figures = await measure({ runtime, servers, policies, qps, shards: count });
    rows.push(figures);
    console.log(lineOf(figures, rows[0] ?? figures));
  }
}

function lineOf({ shards, convergedMs, requestsPerPolicy, memoryMiB, change }: Figures, first: Figures): string {
  const ratio = (one: number, other: number) => `${(one / other).toFixed(2)} x`;
  const memory = Object.entries(memoryMiB).map(([name, value]) => `${name} ${value}`).join(", ");
  return `  ${shards} shard${shards === 1 ? " " : "s"}: all active after ${(convergedMs / 1000).toFixed(1)} s ` +
    `(${ratio(convergedMs, first.convergedMs)}), ${requestsPerPolicy.toFixed(1)} requests a policy ` +
    `(${ratio(requestsPerPolicy, first.requestsPerPolicy)}); one more: ${change.ms.toFixed(0)} ms ` +
    `(${ratio(change.ms, first.change.ms)}), ${change.requests} requests; MiB: ${memory}`;
}

async function measure(
  { runtime, servers, policies, shards, qps }: Omit<Sizes, "shards"> & { shards: number },
): Promise<Figures> {
  const env = {
    KUBEWARDEN_KUBE_API_QPS: String(qps),
    KUBEWARDEN_KUBE_API_BURST: String(qps),
    // The local API server is one thread; a renewal must not be late because it is busy.
    KUBEWARDEN_LEASE_DURATION: "180s",
    KUBEWARDEN_LEASE_RENEW_DEADLINE: "170s",
    KUBEWARDEN_LOG_LEVEL: "error",
  };
  const sharing = shards > 1 ? { ...env, KUBEWARDEN_SHARDING: "true" } : env;
  // With nobody at work yet.
  const change = (object: KubeObject) => {
    const changed = withEnvironment(object, ["reconciler", "webhook-registrar"], { replicas: 0, env: sharing });
    return withEnvironment(changed, ["certs"], { replicas: 0, env });
  };
  const installed = await startControllersCluster({ runtime, change, kustomizations: ["base", "member-leases"] });
  const stop = new AbortController();
  try {
    const { kube } = installed;
    const watched = new WatchCache(kube, { apiVersion, kind: "ClusterAdmissionPolicy" }, { log: silentLog });
    const nameOf = (index: number) => `server-${index % servers}`;
    await untilServed(kube);
    for (let index = 0; index < servers; index++) await kube.create(doublePolicyServer(nameOf(index)));
    for (let index = 0; index < policies; index++) await kube.create(uncalledPolicy(`policy-${index}`, nameOf(index)));
    void watched.start(stop.signal);
    await watched.whenSynced(stop.signal);

    const started = performance.now();
    for (const name of controllers) {
      const deployment = { apiVersion: "apps/v1", kind: "Deployment", name, namespace: "kubewarden" };
      await kube.patch(deployment, { spec: { replicas: name === "certs" ? 1 : shards } }, { type: "merge" });
    }
    await untilAll(watched, () => true);
    const convergedMs = performance.now() - started;
    await atRest(installed);
    const requests = await allRequests(installed), memoryMiB = await memoryOf(installed);

    const before = performance.now();
    await kube.create(uncalledPolicy("one-more", nameOf(0)));
    await untilAll(watched, ({ metadata }) => metadata.name === "one-more", 1);
    const ms = performance.now() - before;
    await atRest(installed);
    return {
      shards,
      convergedMs,
      requestsPerPolicy: requests / policies,
      memoryMiB,
      change: { ms, requests: await allRequests(installed) - requests },
    };
  } finally {
    stop.abort();
    await installed.stop();
  }
}

/** The kinds are served a moment after their definitions were created. */
async function untilServed(kube: ControllersCluster["kube"]): Promise<void> {
  for (;;) {
    try {
      for (const kind of ["PolicyServer", "ClusterAdmissionPolicy"]) await kube.get({ ...policyRef("none"), kind });
      return;
    } catch {
      await pause(50); // Not served yet.
    }
  }
}

async function untilAll(
  watched: WatchCache,
  isOfInterest: (policy: KubeObject) => boolean,
  atLeast = 0,
): Promise<void> {
  for (;;) {
    const policies = watched.list().filter(isOfInterest);
    if (policies.length >= atLeast && policies.every(isActive)) return;
    await pause(20);
  }
}

function isActive({ status }: KubeObject): boolean {
  return (status as { policyStatus?: string } | undefined)?.policyStatus === "active";
}

/** Until the controllers have asked nothing for two seconds. */
async function atRest(installed: ControllersCluster): Promise<void> {
  for (let last = -1, quiet = 0; quiet < 10;) {
    const now = await allRequests(installed);
    quiet = now === last ? quiet + 1 : 0;
    last = now;
    await pause(200);
  }
}

async function allRequests({ pods }: ControllersCluster): Promise<number> {
  const counts = await Promise.all(controllers.map((each) => requestsOf(pods(each))));
  return counts.flatMap((each) => [...each.values()]).reduce((sum, each) => sum + each, 0);
}

/** Of the largest replica of each. */
async function memoryOf({ pods }: ControllersCluster): Promise<Record<string, number>> {
  const of = async (controller: string) => {
    const samples = await metricsOf(pods(controller));
    const bytes = samples.filter(({ name }) => name === "process_resident_memory_bytes").map(({ value }) => value);
    return [controller, Math.round(Math.max(...bytes) / 2 ** 20)] as const;
  };
  return Object.fromEntries(await Promise.all(controllers.map(of)));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
