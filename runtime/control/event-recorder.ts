import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { sha256Hex } from "../digest.ts";
import type { Kube } from "../kube/kube.ts";
import type { Log } from "../telemetry/log.ts";
import type { Transition } from "./status-transitions.ts";
import { type Bucket, type Rate, takeToken } from "./token-bucket.ts";

export type EventRecorderOptions = {
  kube: Pick<Kube, "create" | "patch">;
  log: Log;
  signal: AbortSignal;
  /** Which controller reports, and which replica of it. */
  component: string;
  instance: string;
  rate?: Rate;
  now?: () => Date;
};

/** As client-go's recorder has it: 25 at once for one object, then one in five minutes. */
const defaultRate: Rate = { burst: 25, refillMs: 300_000 };
/** The same change again within that time counts up, with its newest words (client-go: ten minutes). */
const repeatWithinMs = 600_000;
const rememberedObjects = 4096;
const longestQueue = 1000;
/** In UTF-16 units; the API names 1 kB for the note of an Event. */
const longestMessage = 1000;
const longestName = 253;

type Known = { ref: ObjectRef; count: number; atMs: number };

/**
 * Writes Events (core v1, as `kubectl describe` shows them) about changes of status. Recording never waits and never
 * fails: Events are told in their order by a single writer, and one that cannot be written is lost.
 */
export class EventRecorder {
  readonly #options: Required<EventRecorderOptions>;
  readonly #buckets = new Map<string, Bucket>();
  readonly #known = new Map<string, Known>();
  readonly #complained = new Set<string>();
  #waiting: (() => Promise<void>)[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = { rate: defaultRate, now: () => new Date(), ...options };
  }

  /**
   * Tells of changes of one object, which the write that gave it this resourceVersion made. The same change told twice
   * has the same name, so it stays one Event.
   */
  record(about: ObjectRef & { uid: string }, transitions: readonly Transition[], resourceVersion: string): void {
    for (const each of transitions) {
      const at = this.#options.now();
      const { taken, ...bucket } = takeToken(this.#buckets.get(about.uid), this.#options.rate, at.getTime());
      remember(this.#buckets, about.uid, bucket);
      if (!taken || this.#waiting.length >= longestQueue) {
        this.#options.log.debug("too many events", { object: about.name, reason: each.reason });
        continue;
      }
      this.#waiting.push(this.#writeOf(about, each, { resourceVersion, at }));
    }
    if (this.#waiting.length > 0) this.#writing ??= this.#writeAll();
  }

  /** Waits until everything that was recorded is told, or lost. */
  async whenTold(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Decided at once, in order, so that what is repeated while it waits is known to be the same. */
  #writeOf(
    about: ObjectRef & { uid: string },
    transition: Transition,
    { resourceVersion, at }: { resourceVersion: string; at: Date },
  ): () => Promise<void> {
    const { kube, signal } = this.#options;
    const key = [about.uid, transition.type, transition.action, transition.reason].join("\n");
    const event = eventFor(about, transition, { ...this.#options, resourceVersion, at });
    const before = this.#known.get(key);
    const repeated = before !== undefined && at.getTime() - before.atMs < repeatWithinMs;
    const ref = repeated ? before.ref : { apiVersion: "v1", kind: "Event", ...event.metadata };
    const count = repeated ? before.count + 1 : 1;
    remember(this.#known, key, { ref, count, atMs: at.getTime() });
    if (!repeated) return async () => void await kube.create(event, { signal });
    return async () => {
      try {
        const { lastTimestamp, message } = event;
        await kube.patch(ref, { count, lastTimestamp, message }, { type: "merge", signal });
      } catch (error) {
        // API servers forget Events after an hour, or as they like.
        if (!hasCode(error, "KUBE_NOT_FOUND")) throw error;
        await kube.create({ ...event, metadata: { ...event.metadata, name: ref.name }, count }, { signal });
      }
    };
  }

  async #writeAll(): Promise<void> {
    for (let write = this.#waiting.shift(); write; write = this.#waiting.shift()) {
      try {
        await write();
      } catch (error) {
        if (this.#options.signal.aborted) this.#waiting = [];
        // Written before, by an attempt whose answer was lost.
        else if (!hasCode(error, "KUBE_ALREADY_EXISTS")) this.#complain(error);
      }
    }
    // At once with the last look: what is recorded next starts anew.
    this.#writing = undefined;
  }

  /** A missing right would otherwise fill the log. */
  #complain(error: unknown): void {
    const { log } = this.#options;
    const code = error instanceof KubewardenError ? error.code : "";
    log[this.#complained.has(code) ? "debug" : "warn"]("an event is not written", { error });
    this.#complained.add(code);
  }
}

type Circumstances = { component: string; instance: string; resourceVersion: string; at: Date };

function eventFor(about: ObjectRef & { uid: string }, transition: Transition, circumstances: Circumstances) {
  const { apiVersion, kind, name, namespace, uid } = about;
  const { component, instance, resourceVersion, at } = circumstances;
  const { type, action, reason, message } = transition;
  const timestamp = at.toISOString().replace(/\.\d+Z$/, "Z");
  const digest = sha256Hex([uid, resourceVersion, component, action, reason].join("\n")).slice(0, 16);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      name: `${name.slice(0, longestName - digest.length - 1).replace(/[^a-z0-9]+$/, "")}.${digest}`,
      // Where Kubernetes wants Events about objects without a namespace.
      namespace: namespace ?? "default",
    },
    involvedObject: { apiVersion, kind, name, ...(namespace ? { namespace } : {}), uid, resourceVersion },
    type,
    action,
    reason,
    message: message.length <= longestMessage ? message : `${message.slice(0, longestMessage - 1)}…`,
    count: 1,
    firstTimestamp: timestamp,
    lastTimestamp: timestamp,
    source: { component },
    reportingComponent: component,
    reportingInstance: instance,
  } satisfies KubeObject & Record<string, unknown>;
}

function hasCode(error: unknown, code: KubewardenError["code"]): boolean {
  return error instanceof KubewardenError && error.code === code;
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > rememberedObjects && oldest !== undefined) map.delete(oldest);
}
