import { release } from "node:os";
import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import { type ObjectChange, WatchCache } from "../../runtime/kube/watch-cache.ts";
import type { RuntimeName } from "../../tools/runtimes.ts";
import { badRequest } from "../api/failures.ts";
import { timestamp } from "../workloads/deployment-status.ts";
import { runLoop } from "../workloads/loop.ts";
import type { Pod } from "../workloads/pod.ts";
import { AddressPool, requireLoopbackRange } from "./addresses.ts";
import type { LogOptions } from "./container-log.ts";
import { nodeCapacity } from "./downward.ts";
import { EventRecorder } from "./events.ts";
import { entrypointFor, type ImageTable } from "./images.ts";
import { type NodeServices, PodWorker } from "./pod-worker.ts";
import { type Reaper, startReaper } from "./reaper.ts";
import { schedulerLoop } from "./scheduler.ts";

export type NodeOptions = {
  kube: Kube;
  log: Log;
  folder: string;
  /** Whether the folder goes when the cluster does, even if that was killed. */
  isTemporary: boolean;
  runtime: RuntimeName;
  images: ImageTable;
  issueToken: NodeServices["issueToken"];
  accessEnvironment: NodeServices["accessEnvironment"];
  volumeDelayMs: () => number;
};

/** A pod whose processes run now. */
export type RunningPod = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly podIP: string;
  readonly pids: readonly number[];
};

export const nodeName = "local-node";
const nodeLabels = { "kubernetes.io/hostname": nodeName, "kubernetes.io/os": "linux" };

/** The one node of the local cluster: schedules pods to itself and runs those of our images as processes. */
export class LocalNode {
  readonly #options: NodeOptions;
  readonly #addresses = new AddressPool();
  readonly #stopping = new AbortController();
  readonly #workers = new Map<string, PodWorker>();
  readonly #caches: { pods: WatchCache; configMaps: WatchCache; secrets: WatchCache };
  readonly #events: EventRecorder;
  #reaper: Reaper | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: NodeOptions) {
    this.#options = options;
    const { kube, log } = options;
    const cache = (kind: string) => new WatchCache(kube, { apiVersion: "v1", kind }, { log });
    this.#caches = { pods: cache("Pod"), configMaps: cache("ConfigMap"), secrets: cache("Secret") };
    this.#events = new EventRecorder(kube, { log, component: "kubelet" });
  }

  /** Registers the node and begins to run pods. */
  async start(): Promise<void> {
    const { kube, log, folder, isTemporary } = this.#options;
    const { signal } = this.#stopping;
    await requireLoopbackRange(this.#addresses.hostIP);
    const services = this.#services(this.#reaper = startReaper(isTemporary ? { folder } : {}));
    await this.#register();
    const { pods, configMaps, secrets } = this.#caches;
    pods.onChange((change) => this.#podChanged(change, services));
    for (const cache of [configMaps, secrets]) cache.onChange((change) => this.#sourceChanged(change));
    const events = new EventRecorder(kube, { log, component: "default-scheduler" });
    const scheduler = schedulerLoop({ kube, pods, nodeName, nodeLabels, events });
    const caches = [pods, configMaps, secrets].map((each) => each.start(signal));
    this.#running = Promise.all([...caches, runLoop(scheduler, { log, signal })]);
    await Promise.all([pods, configMaps, secrets].map((each) => each.whenSynced(signal)));
  }

  /** Ends every process; the pods' objects stay as they are. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#workers.values()].map((each) => each.forget()));
    await this.#running;
    await this.#reaper?.stop();
  }

  /** The pods with a living process. */
  pods(): RunningPod[] {
    return [...this.#workers.values()].filter((each) => each.pids.length > 0).map(({ pod, podIP, pids }) => ({
      namespace: pod.metadata.namespace ?? "",
      name: pod.metadata.name,
      uid: pod.metadata.uid ?? "",
      labels: pod.metadata.labels ?? {},
      podIP: podIP ?? "",
      pids,
    }));
  }

  /** Lines of a container's log; throws a 400 in the kubelet's words where there is none. */
  log(pod: Pod, options: LogOptions & { signal?: AbortSignal }): AsyncIterable<string> {
    const { name, uid = "" } = pod.metadata;
    const names = pod.spec.containers.map((each) => each.name);
    const container = options.container ?? names[0] ?? "";
    if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
    if (options.container === undefined && names.length > 1) {
      throw badRequest(
        `a container name must be specified for pod ${name}, choose one of: [${names.join(" ")}]`,
      );
    }
    const runner = this.#workers.get(uid)?.container(container);
    const found = runner?.log(options.previous === true);
    if (found) return found.read(options);
    if (options.previous === true) {
      throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
    }
    const why = runner?.facts().state.waiting?.reason;
    throw badRequest(
      `container "${container}" in pod "${name}" is waiting to start${why === undefined ? "" : `: ${why}`}`,
    );
  }

  #podChanged({ after, before }: ObjectChange, services: NodeServices): void {
    const uid = after?.metadata.uid ?? before?.metadata.uid ?? "";
    const worker = this.#workers.get(uid);
    // The name was taken by a new pod before the end of the old one was seen.
    if (after && before && before.metadata.uid !== uid) this.#forget(before.metadata.uid ?? "");
    if (!after) return this.#forget(uid);
    const pod = after as Pod;
    if (pod.spec.nodeName !== nodeName || this.#stopping.signal.aborted) return;
    if (worker) return worker.update(pod);
    const fresh = new PodWorker(pod, services);
    this.#workers.set(uid, fresh);
    if (pod.metadata.deletionTimestamp !== undefined) fresh.update(pod);
  }

  #forget(uid: string): void {
    const worker = this.#workers.get(uid);
    void worker?.forget().then(() => this.#workers.delete(uid));
  }

  #sourceChanged({ after, before }: ObjectChange): void {
    const namespace = (after ?? before)?.metadata.namespace;
    for (const worker of this.#workers.values()) {
      if (worker.pod.metadata.namespace === namespace) worker.sourceChanged();
    }
  }

  #services(reaper: Reaper): NodeServices {
    const { kube, log, folder, runtime, images, issueToken, accessEnvironment, volumeDelayMs } = this.#options;
    const { configMaps, secrets } = this.#caches;
    return {
      kube,
      log,
      folder,
      addresses: this.#addresses,
      reaper,
      entrypoint: (image) => entrypointFor(image, { runtime, images }),
      read: (kind, namespace, name) => (kind === "Secret" ? secrets : configMaps).get(name, namespace),
      issueToken,
      accessEnvironment,
      event: (pod, type, reason, message) => this.#events.record(pod, type, reason, message),
      volumeDelayMs,
    };
  }

  async #register(): Promise<void> {
    const { kube } = this.#options;
    const node: KubeObject = {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: nodeName, labels: nodeLabels },
      spec: {},
    };
    const created = await kube.create(node).catch((error) => {
      if (error instanceof KubewardenError && error.code === "KUBE_ALREADY_EXISTS") return undefined;
      throw error;
    });
    if (!created) return;
    const now = timestamp(new Date());
    const ready = { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" };
    const status = {
      addresses: [{ type: "InternalIP", address: this.#addresses.hostIP }, { type: "Hostname", address: nodeName }],
      capacity: { ...nodeCapacity, pods: "110" },
      allocatable: { ...nodeCapacity, pods: "110" },
      nodeInfo: nodeInfo(),
      conditions: [{ ...ready, lastHeartbeatTime: now, lastTransitionTime: now }],
    };
    await kube.patch({ apiVersion: "v1", kind: "Node", name: nodeName }, { status }, {
      type: "merge",
      subresource: "status",
    });
  }
}

/** Every field is required; what a process on a developer's machine has no word for is "local". */
function nodeInfo(): Record<string, string> {
  const version = "v1.35.0-local-cluster";
  return {
    architecture: process.arch,
    operatingSystem: "linux",
    kubeletVersion: version,
    kubeProxyVersion: version,
    containerRuntimeVersion: `process://${process.version}`,
    kernelVersion: release(),
    osImage: process.platform,
    bootID: "local",
    machineID: "local",
    systemUUID: "local",
  };
}
