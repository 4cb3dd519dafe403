import { KubewardenError } from "../../contracts/errors.ts";
import { stringifyJson } from "../../contracts/json.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import { sleep } from "../../runtime/sleep.ts";
import type { Pod, PodStatus } from "../workloads/pod.ts";

/** Writes a pod's status soon after it changed; what changes during a write goes into the next one. */
export class StatusWriter {
  readonly #kube: Kube;
  readonly #log: Log;
  readonly #statusNow: (last: PodStatus | undefined) => { pod: Pod; status: PodStatus };
  #last: PodStatus | undefined;
  #written = "";
  #writing: Promise<void> | undefined;
  #isDirty = false;
  #isOver = false;

  /** `statusNow` computes the status anew; it gets the last one, whose transition times go on. */
  constructor(
    kube: Kube,
    { log, statusNow }: { log: Log; statusNow: (last: PodStatus | undefined) => { pod: Pod; status: PodStatus } },
  ) {
    this.#kube = kube;
    this.#log = log;
    this.#statusNow = statusNow;
  }

  changed(): void {
    this.#isDirty = true;
    this.#writing ??= this.#write().finally(() => this.#writing = undefined);
  }

  /** Resolves when everything said so far is written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  /** Nothing is written any more: the pod is gone. */
  end(): void {
    this.#isOver = true;
  }

  async #write(): Promise<void> {
    for (let pauseMs = 100; this.#isDirty && !this.#isOver;) {
      this.#isDirty = false;
      const { pod, status } = this.#statusNow(this.#last);
      this.#last = status;
      const text = stringifyJson(status);
      if (text === this.#written) continue;
      try {
        const { name, namespace, uid } = pod.metadata;
        const body = { metadata: { uid }, status };
        const ref = { apiVersion: "v1", kind: "Pod", name, namespace };
        await this.#kube.patch(ref, body, { type: "merge", subresource: "status" });
        this.#written = text;
        pauseMs = 100;
      } catch (error) {
        if (error instanceof KubewardenError && error.code === "KUBE_NOT_FOUND") return;
        this.#log.debug("cannot write pod status", { pod: pod.metadata.name, error });
        this.#isDirty = true;
        await sleep(pauseMs);
        pauseMs = Math.min(2000, pauseMs * 2);
      }
    }
  }
}
