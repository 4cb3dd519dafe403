import { clearTimeout, setTimeout } from "node:timers";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { ObjectReader } from "../auth/object-reader.ts";
import { records } from "../schema/builtin/access.ts";
import type { Webhook } from "./match.ts";

const apiVersion = "admissionregistration.k8s.io/v1";
const kinds = { mutating: "MutatingWebhookConfiguration", validating: "ValidatingWebhookConfiguration" } as const;
export type WebhookKind = keyof typeof kinds;

/**
 * The webhook configurations as this API server has seen them: a write is seen some time after it was made, as on a real
 * server, whose admission reads its own cache.
 */
export class SeenConfigurations {
  readonly #reader: ObjectReader;
  readonly #delayMs: () => number;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #seen: Record<WebhookKind, readonly KubeObject[]>;

  constructor(reader: ObjectReader, delayMs: () => number) {
    this.#reader = reader;
    this.#delayMs = delayMs;
    this.#seen = this.#read();
  }

  /** Tells of a stored change; everything stored by the time the delay has passed is seen then. */
  changed(): void {
    const delay = this.#delayMs();
    if (delay <= 0) {
      this.#seen = this.#read();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#seen = this.#read();
    }, delay);
    timer.unref();
    this.#timers.add(timer);
  }

  /** Every webhook of a kind in the order it is called: configurations by name, entries as they stand. */
  webhooks(kind: WebhookKind): Webhook[] {
    return [...this.#seen[kind]].sort((left, right) => left.metadata.name < right.metadata.name ? -1 : 1)
      .flatMap(({ webhooks }) => records(webhooks));
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #read(): Record<WebhookKind, readonly KubeObject[]> {
    const list = (kind: string) => this.#reader.list({ apiVersion, kind });
    return { mutating: list(kinds.mutating), validating: list(kinds.validating) };
  }
}
