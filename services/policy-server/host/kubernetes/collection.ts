import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import { stringifyJson } from "../../../../contracts/json.ts";
import type { KubeObject } from "../../../../contracts/kubernetes.ts";
import { abortable } from "../../../../runtime/abortable.ts";
import { followKind, type KindQuery, type KindSink } from "../../../../runtime/kube/follow-kind.ts";
import type { Kube } from "../../../../runtime/kube/kube.ts";
import type { Log } from "../../../../runtime/telemetry/log.ts";
import { parseFieldMask } from "./field-mask.ts";
import type { PlacedObject } from "./inventory.ts";
import { ObjectBytes } from "./object-bytes.ts";
import { trimListed } from "./trim.ts";

export type CollectionQuery = KindQuery & { fieldMasks: readonly string[] | null };

export type CollectionLimits = {
  /** The first list must be complete within. */
  startMs: number;
  /** What may be answered while changes are not heard. */
  staleMs: number;
  /** A watch that says nothing for so long is opened anew. */
  silentMs: number;
};

type Options = {
  limits: CollectionLimits;
  log: Log;
  /** Milliseconds that only grow. */
  now: () => number;
  /** Called when the objects take more or less memory than before. */
  resized: (bytesMore: number) => void;
  /** Called once if it is of no use any more. */
  failed: (error: unknown) => void;
};

// A view, a key and an entry of a map for every object.
const overheadBytes = 256;

/** The objects that one kind of question lists, kept up to date by list and watch from its making until it is stopped. */
export class Collection {
  readonly #query: CollectionQuery;
  readonly #options: Options;
  readonly #objects: ObjectBytes;
  readonly #listed = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  #state: "listing" | "listed" | "ended" = "listing";
  #brokenSince: number | undefined;
  #lastError: unknown;
  #weight = 0;

  constructor(kube: Kube, query: CollectionQuery, options: Options) {
    const { apiVersion, kind } = query;
    this.#query = query;
    this.#options = options;
    this.#objects = new ObjectBytes({
      head: `{"apiVersion":${JSON.stringify(apiVersion)},"kind":${
        JSON.stringify(`${kind}List`)
      },"metadata":{},"items":[`,
      tail: "]}",
    });
    // Nobody may be waiting any more when it fails.
    this.#listed.promise.catch(() => undefined);
    void this.#follow(kube);
  }

  get query(): CollectionQuery {
    return this.#query;
  }

  /** Memory it takes, roughly. */
  get weight(): number {
    return this.#weight;
  }

  get count(): number {
    return this.#objects.count;
  }

  /** Grows with every change of what is listed. */
  get changes(): number {
    return this.#objects.changes;
  }

  /** How long changes have not been heard. */
  get ageMs(): number {
    return this.#brokenSince === undefined ? 0 : this.#options.now() - this.#brokenSince;
  }

  /** Waits for the first list; rejects with what it failed with, with the signal, and when it is too old to be told. */
  async known(signal: AbortSignal): Promise<void> {
    await abortable(this.#listed.promise, signal);
    this.#stop.signal.throwIfAborted();
    if (this.ageMs <= this.#options.limits.staleMs) return;
    const seconds = Math.round(this.ageMs / 1000);
    const why = this.#lastError === undefined ? "" : `: ${messageOf(this.#lastError)}`;
    const message = `${this.#cannot}: its changes have not been heard for ${seconds} s${why}`;
    throw new KubewardenError("KUBE_UNREACHABLE", message);
  }

  /** The objects as they are now, by what they are called; throws if it has ended. */
  placed(): PlacedObject[] {
    this.#stop.signal.throwIfAborted();
    return [...this.#objects.entries()].map(([key, json]) => {
      const [namespace = "", name = ""] = key.split("/");
      return { namespace, name, json };
    });
  }

  /** The list as JSON, once it is known; rejects also when it has more than `maxBytes`. */
  async answer({ maxBytes, signal }: { maxBytes: number; signal: AbortSignal }): Promise<Uint8Array> {
    await this.known(signal);
    const bytes = this.#objects.joinedSize;
    if (bytes > maxBytes) {
      const advice = "ask for less by selectors or field masks";
      throw new KubewardenError(
        "HOST_CALL_FAILED",
        `${this.#cannot}: ${bytes} bytes are more than ${maxBytes}, ${advice}`,
      );
    }
    return this.#objects.joined();
  }

  get #cannot(): string {
    return `Cannot list ${this.#query.apiVersion}/${this.#query.kind}`;
  }

  /** Ends it; whoever still waits for the first list hears why. */
  stop(why: unknown): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#stop.abort(why);
    this.#listed.reject(why);
    this.#options.resized(-this.#weight);
    this.#weight = 0;
    this.#objects.clear();
  }

  async #follow(kube: Kube): Promise<void> {
    const { limits: { startMs, silentMs }, log } = this.#options;
    const late = new KubewardenError(
      "KUBE_UNREACHABLE",
      `Cannot list ${this.#query.kind}: not complete within ${startMs} ms`,
    );
    const timer = setTimeout(() => this.#state === "listing" && this.#fail(late), startMs);
    this.#listed.promise.finally(() => clearTimeout(timer)).catch(() => undefined);
    const { fieldMasks: _, ...query } = this.#query;
    await followKind(kube, query, {
      sink: this.#sink(),
      signal: this.#stop.signal,
      log,
      minBackoffMs: 100,
      maxBackoffMs: 10_000,
      silentMs,
    });
  }

  #sink(): KindSink {
    const mask = parseFieldMask(this.#query.fieldMasks);
    let listed = new Set<string>();
    const change = (act: () => void) => {
      if (this.#state === "ended") return;
      act();
      this.#weigh();
    };
    const put = (object: KubeObject) =>
      change(() => this.#objects.put(keyOf(object), stringifyJson(trimListed(object, mask))));
    return {
      listing: () => listed = new Set(),
      listed: (object) => {
        listed.add(keyOf(object));
        put(object);
      },
      complete: () =>
        change(() => {
          this.#objects.keepOnly(listed);
          listed = new Set();
          this.#brokenSince = undefined;
          if (this.#state !== "listing") return;
          this.#state = "listed";
          this.#listed.resolve();
        }),
      put,
      drop: (object) => change(() => this.#objects.drop(keyOf(object))),
      connected: () => this.#brokenSince = undefined,
      disconnected: (error) => {
        this.#brokenSince ??= this.#options.now();
        if (error !== undefined) this.#lastError = error;
        // Nobody should wait for a list that is forbidden; whoever asks later makes it be tried again.
        if (this.#state === "listing") this.#fail(error);
      },
    };
  }

  #fail(error: unknown): void {
    this.stop(error);
    this.#options.failed(error);
  }

  #weigh(): void {
    const weight = this.#objects.size + overheadBytes * this.#objects.count, more = weight - this.#weight;
    if (more === 0) return;
    this.#weight = weight;
    this.#options.resized(more);
  }
}

function keyOf({ metadata: { name = "", namespace = "" } }: KubeObject): string {
  return `${namespace}/${name}`;
}
