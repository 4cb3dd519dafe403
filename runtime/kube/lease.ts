import { hostname } from "node:os";
import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube } from "./kube.ts";
import type { Log } from "../telemetry/log.ts";
import { sleep, withDeadline } from "../sleep.ts";

export type LeaseOptions = {
  kube: Kube;
  name: string;
  namespace: string;
  /** Who we are; two processes alive at once must differ. */
  identity?: string;
  /** How long others respect a silent holder. */
  durationMs?: number;
  /** Without a renewal for so long we stop by ourselves; shorter than `durationMs`, so before anyone else starts. */
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
  log: Log;
  signal: AbortSignal;
};

type LeaseSpec = {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
};

const kind = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };

/**
 * Leader election as client-go does it: waits for the Lease, runs `work` while holding it, gives it back at the end.
 * The signal for `work` ends with `options.signal` or when the Lease is lost; the latter throws `LEASE_LOST` after `work`
 * has returned, and the process should end. An expired holder is one whose record did not change for `durationMs` by
 * our own clock, so clocks need not agree. `holds` says whether the last renewal is young enough that nobody else leads:
 * it turns false even where a stopped process could not be told by its signal yet.
 */
export async function whileLeading(
  options: LeaseOptions,
  work: (leading: AbortSignal, holds: () => boolean) => Promise<void>,
): Promise<void> {
  const { signal } = options;
  const lease = new LeaseHolder(options);
  await lease.acquire(signal);
  const leading = new AbortController();
  const end = () => leading.abort(signal.reason);
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  const working = work(leading.signal, () => lease.holds());
  const ended = new AbortController();
  const settled = working.then(() => ended.abort(), () => ended.abort());
  try {
    await lease.keep(AbortSignal.any([leading.signal, ended.signal]));
  } catch (error) {
    leading.abort(error);
    await settled;
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
  try {
    await working;
  } finally {
    await lease.release();
  }
}

/** `POD_NAME` where the pod says so (a restarted container takes up its own Lease at once), else host and a random part. */
export function leaseIdentity(env: Readonly<Record<string, string | undefined>>): string {
  return env.POD_NAME || `${hostname()}_${crypto.randomUUID()}`;
}

class LeaseHolder {
  readonly #kube: Kube;
  readonly #ref: { apiVersion: string; kind: string; name: string; namespace: string };
  readonly #identity: string;
  readonly #durationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  readonly #log: Log;
  /** The Lease as last seen, and when (by our clock) its record last changed. */
  #seen: { lease: KubeObject; record: string; at: number } | undefined;
  /** Before the last renewal was sent: others count from when the server took it, which is later. */
  #renewedAt = -Infinity;

  constructor({ kube, name, namespace, identity, log, ...times }: LeaseOptions) {
    this.#kube = kube;
    this.#ref = { ...kind, name, namespace };
    this.#identity = identity ?? leaseIdentity({});
    this.#durationMs = times.durationMs ?? 15_000;
    this.#renewDeadlineMs = times.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = times.retryPeriodMs ?? 2_000;
    this.#log = log.child({ lease: name, identity: this.#identity });
  }

  async acquire(signal: AbortSignal): Promise<void> {
    let known: string | undefined;
    for (;;) {
      try {
        if (await this.#tryOnce(signal)) break;
        const holder = specOf(this.#seen?.lease).holderIdentity;
        if (holder !== known) this.#log.info("standing by, another process leads", { holder });
        known = holder;
      } catch (error) {
        signal.throwIfAborted();
        this.#log.warn("cannot get the lease yet", { error });
      }
      await sleep(this.#retryPeriodMs * (1 + 0.2 * Math.random()), signal);
    }
    this.#log.info("leading");
  }

  holds(): boolean {
    return performance.now() - this.#renewedAt < this.#renewDeadlineMs;
  }

  /** Renews until the signal; throws `LEASE_LOST` when that did not succeed in time or another one holds it. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#retryPeriodMs, signal).catch(() => undefined); // Aborted: the loop ends.
      if (signal.aborted) return;
      const left = this.#renewDeadlineMs - (performance.now() - this.#renewedAt);
      try {
        const held = await withDeadline({ ms: Math.max(1, left), signal }, (limited) => this.#tryOnce(limited));
        if (!held) throw lost(this.#ref.name, "another process holds it");
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof KubewardenError && error.code === "LEASE_LOST") throw error;
        this.#log.warn("cannot renew the lease", { error });
        if (!this.holds()) throw lost(this.#ref.name, "renewing failed", error);
      }
    }
  }

  /** Lets the next one in without waiting; if that fails, the Lease runs out by itself. */
  async release(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(3_000);
      const lease = await this.#kube.get(this.#ref, { signal });
      if (!lease) return;
      const { holderIdentity, ...rest } = specOf(lease);
      if (holderIdentity !== this.#identity) return;
      const now = microTime();
      const spec = { ...rest, leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
      await this.#kube.replace({ ...lease, spec }, { signal });
      this.#log.info("lease released");
    } catch (error) {
      this.#log.warn("cannot release the lease", { error });
    }
  }

  /** Creates, takes or renews the Lease; false while someone else holds it. Losing a race throws and is tried again. */
  async #tryOnce(signal: AbortSignal): Promise<boolean> {
    const startedAt = performance.now();
    const lease = await this.#kube.get(this.#ref, { signal });
    const now = microTime();
    const own = {
      holderIdentity: this.#identity,
      leaseDurationSeconds: Math.ceil(this.#durationMs / 1000),
      renewTime: now,
    };
    if (!lease) {
      const metadata = { name: this.#ref.name, namespace: this.#ref.namespace };
      const spec = { ...own, acquireTime: now, leaseTransitions: 0 };
      this.#note(await this.#kube.create({ ...kind, metadata, spec }, { signal }));
      this.#renewedAt = startedAt;
      return true;
    }
    this.#note(lease);
    const spec = specOf(lease);
    const mine = spec.holderIdentity === this.#identity;
    if (!mine && spec.holderIdentity && !this.#expired(spec)) return false;
    const transitions = spec.leaseTransitions ?? 0;
    const taken = mine ? {} : { acquireTime: now, leaseTransitions: transitions + 1 };
    this.#note(await this.#kube.replace({ ...lease, spec: { ...spec, ...own, ...taken } }, { signal }));
    this.#renewedAt = startedAt;
    return true;
  }

  #note(lease: KubeObject): void {
    const { holderIdentity, renewTime, acquireTime } = specOf(lease);
    const record = JSON.stringify([holderIdentity, renewTime, acquireTime]);
    const at = this.#seen?.record === record ? this.#seen.at : performance.now();
    this.#seen = { lease, record, at };
  }

  #expired({ leaseDurationSeconds }: LeaseSpec): boolean {
    // The holder's own promise counts, it may run with other settings than we do.
    const durationMs = leaseDurationSeconds ? leaseDurationSeconds * 1000 : this.#durationMs;
    return this.#seen !== undefined && performance.now() - this.#seen.at >= durationMs;
  }
}

function specOf(lease: KubeObject | undefined): LeaseSpec {
  return (lease?.spec ?? {}) as LeaseSpec;
}

function lost(name: string, why: string, cause?: unknown): KubewardenError {
  return new KubewardenError("LEASE_LOST", `Cannot go on leading with Lease "${name}": ${why}`, { cause });
}

/** metav1.MicroTime. */
export function microTime(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
