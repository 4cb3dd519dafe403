import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../contracts/errors.ts";
import { stringifyJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import { sleep, whenAborted } from "../../runtime/sleep.ts";
import { timestamp } from "../workloads/deployment-status.ts";
import type { Pod, PodStatus } from "../workloads/pod.ts";
import type { AddressPool } from "./addresses.ts";
import { ContainerRunner } from "./container.ts";
import type { ReadSource } from "./environment.ts";
import { podStatusFor } from "./pod-status.ts";
import { PodVolumes } from "./pod-volumes.ts";
import type { Reaper } from "./reaper.ts";
import { StatusWriter } from "./status-writer.ts";

/** What the node gives to every pod it runs. */
export type NodeServices = {
  readonly kube: Kube;
  readonly log: Log;
  readonly folder: string;
  readonly addresses: AddressPool;
  readonly reaper: Reaper;
  readonly entrypoint: (image: string) => { command: string; args: string[] } | undefined;
  readonly read: (kind: "ConfigMap" | "Secret", namespace: string, name: string) => KubeObject | undefined;
  /** A token of the pod's ServiceAccount. */
  readonly issueToken: (pod: Pod) => Promise<string>;
  /** KUBECONFIG and what else a process needs to reach the API server as its ServiceAccount. */
  readonly accessEnvironment: (folder: string, tokenFile: string) => Promise<Record<string, string>>;
  readonly event: (pod: Pod, type: "Normal" | "Warning", reason: string, message: string) => void;
  /** How late a changed ConfigMap or Secret reaches the pod's files. */
  readonly volumeDelayMs: () => number;
};

/** One pod on this node, from its folder and address to its last process. */
export class PodWorker {
  readonly #node: NodeServices;
  readonly #volumes: PodVolumes;
  readonly #folder: string;
  readonly #status: StatusWriter;
  readonly #stopping = new AbortController();
  readonly #startTime = timestamp(new Date());
  readonly #finished: Promise<void>;
  readonly #extraEnv: Record<string, string> = {};
  #pod: Pod;
  #graceMs = Number.POSITIVE_INFINITY;
  #podIP: string | undefined;
  #containers: ContainerRunner[] = [];
  #gone = false;

  constructor(pod: Pod, node: NodeServices) {
    this.#pod = pod;
    this.#node = node;
    const { namespace, name, uid } = pod.metadata;
    this.#folder = join(node.folder, "pods", `${namespace}_${name}_${uid}`);
    const read: ReadSource = (kind, object) => node.read(kind, namespace ?? "", object);
    this.#volumes = new PodVolumes({
      folder: join(this.#folder, "volumes"),
      pod: () => this.#pod,
      read,
      issueToken: () => node.issueToken(this.#pod),
      delayMs: node.volumeDelayMs,
    });
    this.#status = new StatusWriter(node.kube, { log: node.log, statusNow: (last) => this.#statusNow(last) });
    this.#finished = this.#run(read);
  }

  get pod(): Pod {
    return this.#pod;
  }

  get podIP(): string | undefined {
    return this.#podIP;
  }

  /** Process ids of the containers that run now. */
  get pids(): number[] {
    return this.#containers.flatMap((each) => each.pid ?? []);
  }

  container(name: string): ContainerRunner | undefined {
    return this.#containers[this.#pod.spec.containers.findIndex((each) => each.name === name)];
  }

  /** A newer version of the pod was seen; a deletionTimestamp begins its graceful end. */
  update(pod: Pod): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp === undefined) return;
    void this.stop(1000 * Number(pod.metadata.deletionGracePeriodSeconds ?? 30));
  }

  /** The pod is no longer in the API: whatever still runs is killed. */
  async forget(): Promise<void> {
    this.#gone = true;
    this.#status.end();
    await this.stop(0);
  }

  /** A ConfigMap or Secret changed. */
  sourceChanged(): void {
    this.#volumes.sourceChanged();
  }

  /** Stops the containers, writes the last status and removes the pod from the API. Later calls wait for the first. */
  async stop(graceMs: number): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      for (const { name } of this.#pod.spec.containers) {
        if (this.pids.length > 0) this.#node.event(this.#pod, "Normal", "Killing", `Stopping container ${name}`);
      }
    }
    // Only a shorter grace period is news: our own status writes bring the terminating pod here again and again.
    if (graceMs < this.#graceMs) {
      this.#graceMs = graceMs;
      await Promise.all(this.#containers.map((each) => each.stop(graceMs)));
    }
    await this.#finished;
  }

  async #run(read: ReadSource): Promise<void> {
    const { signal } = this.#stopping;
    const podIP = this.#node.addresses.take();
    this.#podIP = podIP;
    // A container binds to every address of its own network; a process must be told which one is its pod's.
    this.#extraEnv.KUBEWARDEN_BIND_ADDRESS = podIP;
    this.#containers = this.#pod.spec.containers.map((spec) =>
      new ContainerRunner(spec, {
        podIP,
        folder: this.#folder,
        volumes: this.#volumes.folders,
        read,
        entrypoint: this.#node.entrypoint,
        extraEnv: this.#extraEnv,
        reaper: this.#node.reaper,
        pod: () => this.#pod,
        changed: () => this.#status.changed(),
        event: (type, reason, message) => this.#node.event(this.#pod, type, reason, message),
      })
    );
    this.#status.changed();
    try {
      await mkdir(this.#folder, { recursive: true });
      if (await this.#mount(signal)) {
        Object.assign(this.#extraEnv, await this.#access());
        const syncing = this.#volumes.keepInSync(signal);
        await Promise.all(this.#containers.map((each) => each.run()));
        await syncing;
      }
    } catch (error) {
      this.#node.log.error("pod failed", { pod: this.#folder, error });
      this.#node.event(this.#pod, "Warning", "Failed", messageOf(error));
    }
    await whenAborted(signal);
    this.#node.addresses.release(podIP);
    this.#status.changed();
    await this.#status.settled();
    if (this.#pod.metadata.deletionTimestamp !== undefined && !this.#gone) await this.#removeFromApi();
  }

  /** Tries until every volume can be written; a missing ConfigMap or Secret keeps the pod in ContainerCreating. */
  async #mount(signal: AbortSignal): Promise<boolean> {
    if (this.#pod.spec.initContainers?.length) {
      this.#node.event(this.#pod, "Warning", "Failed", "the local cluster does not implement initContainers");
      return false;
    }
    for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(2000, pauseMs * 2)) {
      const problem = await this.#volumes.write();
      if (problem === undefined) return true;
      this.#node.event(this.#pod, "Warning", "FailedMount", problem);
      await sleep(pauseMs, signal).catch(() => undefined);
    }
    return false;
  }

  async #access(): Promise<Record<string, string>> {
    const { tokenFile } = this.#volumes;
    return tokenFile === undefined ? {} : await this.#node.accessEnvironment(this.#folder, tokenFile);
  }

  #statusNow(last: PodStatus | undefined): { pod: Pod; status: PodStatus } {
    const status = podStatusFor({
      pod: { ...this.#pod, status: last ?? this.#pod.status },
      containers: this.#containers.map((each) => each.facts()),
      podIP: this.#podIP,
      hostIP: this.#node.addresses.hostIP,
      startTime: this.#startTime,
      now: new Date(),
    });
    return { pod: this.#pod, status };
  }

  async #removeFromApi(): Promise<void> {
    const { name, namespace, uid } = this.#pod.metadata;
    const body = stringifyJson({
      kind: "DeleteOptions",
      apiVersion: "v1",
      gracePeriodSeconds: 0,
      preconditions: { uid },
    });
    const headers = { "Content-Type": "application/json" };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    for (let pauseMs = 100; !this.#gone; pauseMs = Math.min(2000, pauseMs * 2)) {
      const status = await this.#node.kube.request("DELETE", path, { body, headers }).then((it) => it.status, () => 0);
      if (status < 300 && status > 0 || status === 404 || status === 409) return;
      await sleep(pauseMs);
    }
  }
}
