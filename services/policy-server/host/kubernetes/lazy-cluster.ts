import { KubewardenError } from "../../../../contracts/errors.ts";
import type { KindRef } from "../../../../contracts/kubernetes.ts";
import type { Kube } from "../../../../runtime/kube/kube.ts";
import type { Log } from "../../../../runtime/telemetry/log.ts";
import type { AnswerBytes } from "../answer.ts";
import { Collections, type CollectionsLimits, type KindState } from "./collections.ts";
import type { ContextMemory } from "./context-memory.ts";
import { KubernetesHost, type KubernetesQuestion, type Snapshot } from "./kubernetes.ts";

type Options = {
  /** Finds access to a cluster; asks it nothing. */
  connect: () => Promise<Kube>;
  limits: CollectionsLimits;
  memory: ContextMemory;
  /** What an answer may have. */
  maxBytes: number;
  log: Log;
};

/** The cluster that policies ask, once one does: until then neither is there a client, nor does it matter if it fails. */
export class LazyCluster {
  readonly #options: Options;
  #collections: Collections | undefined;
  #connecting: Promise<KubernetesHost> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Rejects, each time for the same reason, if there is no access to a cluster. */
  connected(): Promise<KubernetesHost> {
    this.#connecting ??= this.#connect();
    return this.#connecting;
  }

  async answer(question: KubernetesQuestion, signal: AbortSignal): Promise<AnswerBytes> {
    return await (await this.#host()).answer(question, signal);
  }

  async isNamespaced(kind: KindRef, signal: AbortSignal): Promise<boolean> {
    return await (await this.#host()).isNamespaced(kind, signal);
  }

  async snapshot(kind: KindRef, signal: AbortSignal): Promise<Snapshot> {
    return await (await this.#host()).snapshot(kind, signal);
  }

  /** What is kept of the cluster, by kind. */
  states(): KindState[] {
    return this.#collections?.states() ?? [];
  }

  close(): void {
    this.#collections?.close();
  }

  async #host(): Promise<KubernetesHost> {
    try {
      return await this.connected();
    } catch (cause) {
      throw new KubewardenError("CONFIG_INVALID", "kube::Client was not initialized properly", { cause });
    }
  }

  async #connect(): Promise<KubernetesHost> {
    const { connect, limits, memory, log, maxBytes } = this.#options;
    const kube = await connect();
    this.#collections = new Collections(kube, { limits, memory, log });
    log.info("Policies may ask the cluster", { server: kube.server });
    return new KubernetesHost(kube, { collections: this.#collections, maxBytes });
  }
}
