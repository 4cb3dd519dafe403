import { KubewardenError } from "../../contracts/errors.ts";
import type { KindRef, KubeObject } from "../../contracts/kubernetes.ts";
import { backoffMs } from "../backoff.ts";
import type { Kube, WatchEvent } from "./kube.ts";
import type { Log } from "../telemetry/log.ts";
import { sleep } from "../sleep.ts";

/** Which objects are followed. */
export type KindQuery = KindRef & { namespace?: string; labelSelector?: string; fieldSelector?: string };

/** Hears, in order, what is there and what changes. */
export type KindSink = {
  /** A list begins, also anew before the former one was complete. */
  listing(): void;
  listed(object: KubeObject): void;
  /** The list is complete: what it did not name is gone. */
  complete(): void;
  put(object: KubeObject): void;
  drop(object: KubeObject): void;
  /** Changes are heard from now on. */
  connected?(): void;
  /** They are not any more: the stream ended, or list or watch failed; it goes on by itself. */
  disconnected?(error?: unknown): void;
};

type Options = {
  sink: KindSink;
  signal: AbortSignal;
  log: Log;
  minBackoffMs: number;
  maxBackoffMs: number;
  /** A watch that says nothing for so long is opened anew, since its connection may be dead. Default: never. */
  silentMs?: number | undefined;
};

/** Follows the objects of a kind by list and watch, however often they fail, until the signal; never rejects. */
export function followKind(kube: Kube, query: KindQuery, options: Options): Promise<void> {
  return new Follower(kube, query, options).run();
}

class Follower {
  readonly #kube: Kube;
  readonly #query: KindQuery;
  readonly #options: Options;
  #resourceVersion = "";
  #failures = 0;

  constructor(kube: Kube, query: KindQuery, options: Options) {
    this.#kube = kube;
    this.#query = query;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { sink, signal, log, minBackoffMs: minMs, maxBackoffMs: maxMs } = this.#options;
    let mustList = true;
    while (!signal.aborted) {
      try {
        if (mustList) {
          await this.#list();
          mustList = false;
        }
        const events = await this.#watch();
        sink.disconnected?.();
        // A stream that ends before it said anything must not become a busy loop.
        if (events === 0) this.#failures = Math.min(this.#failures + 1, 3);
      } catch (error) {
        if (signal.aborted) return;
        const code = error instanceof KubewardenError ? error.code : undefined;
        this.#failures++;
        // A server that is away or busy says nothing about our place in the stream: go on from there. Else list anew.
        mustList ||= code !== "KUBE_UNREACHABLE" && code !== "KUBE_BUSY";
        const level = code === "KUBE_GONE" ? "debug" : this.#failures > 1 ? "warn" : "info";
        log[level]("watch interrupted", { error, failures: this.#failures });
        sink.disconnected?.(error);
      }
      if (this.#failures === 0) continue;
      await sleep(backoffMs(this.#failures - 1, { minMs, maxMs }), signal).catch(() => undefined); // Aborted: the loop ends.
    }
  }

  async #list(): Promise<void> {
    const { sink, signal } = this.#options;
    for await (const page of this.#kube.pages(this.#query, { ...this.#query, signal })) {
      if (page.first) sink.listing();
      for (const item of page.items) sink.listed(item);
      this.#resourceVersion = page.resourceVersion;
    }
    sink.complete();
  }

  async #watch(): Promise<number> {
    const { sink, signal, silentMs } = this.#options;
    let events = 0;
    const life = new AbortController();
    const end = () => life.abort(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    const silence = silentMs === undefined ? undefined : new Silence(silentMs, () => life.abort(silent));
    try {
      const opened = sink.connected && (() => sink.connected?.());
      const from = { ...this.#query, resourceVersion: this.#resourceVersion, signal: life.signal, opened };
      for await (const event of this.#kube.watch(this.#query, from)) {
        silence?.broken();
        events++;
        this.#failures = 0;
        this.#take(event);
      }
    } catch (error) {
      if (error !== silent) throw error;
      this.#options.log.debug("a watch has said nothing for a long time, opening it anew");
    } finally {
      signal.removeEventListener("abort", end);
      silence?.end();
    }
    return events;
  }

  #take({ type, object }: WatchEvent): void {
    if (type === "DELETED") this.#options.sink.drop(object);
    else if (type !== "BOOKMARK") this.#options.sink.put(object);
    this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
  }
}

const silent = new Error("silent");

/** Calls back once nothing has broken it for a time. */
class Silence {
  readonly #ms: number;
  readonly #heard: () => void;
  #timer: ReturnType<typeof setTimeout>;

  constructor(ms: number, heard: () => void) {
    this.#ms = ms;
    this.#heard = heard;
    this.#timer = setTimeout(heard, ms);
  }

  broken(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#heard, this.#ms);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
