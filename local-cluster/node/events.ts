import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import { timestamp } from "../workloads/deployment-status.ts";

export type EventType = "Normal" | "Warning";

/** A probe that fails several times a second must not become several writes a second. */
const repeatAfterMs = 5000;

/** Writes Events about objects; a repeated one only counts up. Written in order, and never waited for. */
export class EventRecorder {
  readonly #kube: Kube;
  readonly #log: Log;
  readonly #component: string;
  readonly #known = new Map<string, { name: string; count: number; writtenAtMs: number }>();
  #last: Promise<void> = Promise.resolve();

  constructor(kube: Kube, { log, component }: { log: Log; component: string }) {
    this.#kube = kube;
    this.#log = log;
    this.#component = component;
  }

  record(about: KubeObject, type: EventType, reason: string, message: string): void {
    this.#last = this.#last.then(() => this.#write(about, type, reason, message)).catch((error) => {
      // The object's namespace may be gone or going: an event about it is then of no use to anybody.
      this.#log.debug("cannot write an event", { reason, error });
    });
  }

  async #write(about: KubeObject, type: EventType, reason: string, message: string): Promise<void> {
    const { name, namespace = "default", uid, resourceVersion } = about.metadata;
    const key = `${uid} ${reason} ${message}`;
    const now = timestamp(new Date());
    const known = this.#known.get(key);
    if (known) {
      known.count++;
      if (Date.now() - known.writtenAtMs < repeatAfterMs) return;
      known.writtenAtMs = Date.now();
      const ref = { apiVersion: "v1", kind: "Event", name: known.name, namespace };
      try {
        await this.#kube.patch(ref, { count: known.count, lastTimestamp: now }, { type: "merge" });
        return;
      } catch (error) {
        if (!(error instanceof KubewardenError && error.code === "KUBE_NOT_FOUND")) throw error;
      }
    }
    const event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${name}.${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`, namespace },
      involvedObject: { apiVersion: about.apiVersion, kind: about.kind, name, namespace, uid, resourceVersion },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: this.#component },
      reportingComponent: this.#component,
      reportingInstance: "",
    };
    this.#known.set(key, { name: event.metadata.name, count: 1, writtenAtMs: Date.now() });
    await this.#kube.create(event);
  }
}
