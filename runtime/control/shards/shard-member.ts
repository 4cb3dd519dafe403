import { KubewardenError } from "../../../contracts/errors.ts";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { refOf } from "../../../contracts/kubernetes.ts";
import { leaseIdentity, type LeaseOptions, microTime } from "../../kube/lease.ts";
import { sleep } from "../../sleep.ts";
import { WatchCache } from "../../kube/watch-cache.ts";
import type { Membership } from "./holding.ts";
import { LeaseBook } from "./lease-book.ts";
import {
  confirmedEpoch,
  leaseKind,
  memberLease,
  memberLeaseName,
  memberOf,
  membershipIn,
  shardsLabel,
  sharedHolder,
  sharedLease,
  specOf,
} from "./member-leases.ts";
import { ShardOfMember } from "./shard.ts";

/**
 * One replica among those that share the work of a service. Its own Lease says that it lives and which membership it
 * works by; the Lease that a leader would hold says who the members are. Who joins adds itself there, who leaves or
 * finds another one expired takes it out, always by compare and swap.
 */
export class ShardMember {
  readonly shard: ShardOfMember;
  readonly #o: LeaseOptions & { durationMs: number; renewDeadlineMs: number };
  readonly #name: string;
  readonly #cache: WatchCache;
  readonly #book = new LeaseBook();
  #own: KubeObject | undefined;
  #renewedAt = -Infinity;
  #happened = false;
  #wake = () => {};

  constructor(options: LeaseOptions, ended: AbortSignal) {
    const { kube, name, namespace, log } = options;
    this.#o = { durationMs: 15_000, renewDeadlineMs: 10_000, ...options };
    this.#name = options.identity ?? leaseIdentity({});
    this.shard = new ShardOfMember(this.#name, { onDrained: () => this.#note() });
    this.#cache = new WatchCache(kube, { ...leaseKind, namespace, labelSelector: `${shardsLabel}=${name}` }, { log });
    this.#cache.onChange(({ before, after }) => {
      if (!after) return before && this.#book.forget(before.metadata.name);
      this.#book.note(after);
      // The shared Lease names another membership, or a member has confirmed one: not a mere renewal.
      if (!before || confirmedEpoch(before) !== confirmedEpoch(after)) this.#note();
    });
    void this.#cache.start(ended);
  }

  /** Comes in; waits while a leader holds the Lease, i.e. a replica that does not share. */
  async join(signal: AbortSignal): Promise<void> {
    await this.#cache.whenSynced(signal);
    for (let waits = false;;) {
      try {
        await this.renew(signal);
        if (this.holds()) break;
        if (!waits) this.#o.log.info("standing by, another process leads");
        waits = true;
      } catch (error) {
        signal.throwIfAborted();
        this.#o.log.warn("cannot join the other replicas yet", { error });
      }
      await sleep((this.#o.retryPeriodMs ?? 2_000) / 4 * (1 + Math.random()), signal);
    }
    this.#o.log.info("sharing the work", { members: this.shard.membership?.members });
  }

  /** Whether the last renewal is so young that nobody takes this member for gone. */
  holds(): boolean {
    return this.leftMs() > 0;
  }

  leftMs(): number {
    return this.#o.renewDeadlineMs - (performance.now() - this.#renewedAt);
  }

  /** Resolves after the time, or as soon as there is something to do. */
  async somethingHappened(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (!this.#happened) await Promise.race([promise, sleep(ms, signal)]);
    this.#happened = false;
  }

  /** Renews both Leases, follows the membership, confirms it and hears whether the others have. */
  async renew(signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    if (this.#own === undefined) await this.#renewOwn(signal);
    const membership = await this.#membership(signal);
    if (membership === undefined) {
      if (this.#renewedAt > 0) throw this.lost("a leader holds the Lease");
      return await this.#renewOwn(signal);
    }
    this.shard.see(membership);
    // Of those who died before they came in.
    const others = this.#memberLeases().filter((lease) => this.#book.isExpired(lease)).map((lease) =>
      memberOf(lease) ?? ""
    );
    const strangers = others.filter((each) => !membership.members.includes(each));
    if (strangers.length > 0) await this.#cleanUp(await this.#goneMembers(strangers, signal), signal);
    await this.#renewOwn(signal);
    this.#renewedAt = startedAt;
    const confirmed = new Map(this.#memberLeases().map((lease) => [memberOf(lease) ?? "", confirmedEpoch(lease)]));
    confirmed.set(this.#name, confirmedEpoch(this.#own ?? { ...leaseKind, metadata: { name: "" } }));
    if (this.shard.hear(confirmed)) this.#o.log.info("sharing with", { members: membership.members });
  }

  /** Goes out: the others need not wait until the Lease has expired. */
  async leave(): Promise<void> {
    const { kube, log } = this.#o;
    try {
      const signal = AbortSignal.timeout(3_000);
      for (let attempt = 1;; attempt++) {
        try {
          const shared = await kube.get(this.#sharedRef(), { signal });
          const members = shared ? membershipIn(shared).members.filter((each) => each !== this.#name) : [];
          if (shared && specOf(shared).holderIdentity === sharedHolder) await this.#swap(shared, members, signal);
          break;
        } catch (error) {
          if (attempt >= 10 || !(error instanceof KubewardenError && error.code === "KUBE_CONFLICT")) throw error;
        }
      }
      if (this.#own) await kube.remove(refOf(this.#own), { signal });
      log.info("left the other replicas");
    } catch (error) {
      log.warn("cannot leave in good order, the Lease runs out by itself", { error });
    }
  }

  lost(why: string, cause?: unknown): KubewardenError {
    return new KubewardenError("LEASE_LOST", `Cannot go on sharing the work of ${this.#o.name}: ${why}`, { cause });
  }

  #note(): void {
    this.#happened = true;
    this.#wake();
  }

  #sharedRef() {
    return { ...leaseKind, name: this.#o.name, namespace: this.#o.namespace };
  }

  #fresh() {
    return { leaseDurationSeconds: Math.ceil(this.#o.durationMs / 1000), renewTime: microTime() };
  }

  async #renewOwn(signal: AbortSignal): Promise<void> {
    const { kube, namespace, name: service } = this.#o;
    const name = memberLeaseName(service, this.#name);
    const known = this.#own;
    this.#own ??= await kube.get({ ...leaseKind, name, namespace }, { signal });
    // Not what an earlier process of this name confirmed.
    const epoch = this.shard.confirmable ?? (known ? confirmedEpoch(known) : "");
    const spec = { holderIdentity: this.#name, ...this.#fresh() };
    const lease = memberLease(this.#own, { service, name, namespace, epoch, spec });
    try {
      this.#own = this.#own ? await kube.replace(lease, { signal }) : await kube.create(lease, { signal });
    } catch (error) {
      const code = error instanceof KubewardenError ? error.code : undefined;
      if (code === "KUBE_NOT_FOUND") throw this.lost("the others took this replica for gone", error);
      // Somebody wrote to it, or the answer to our last write was lost: look again.
      if (code === "KUBE_CONFLICT") this.#own = await kube.get({ ...leaseKind, name, namespace }, { signal });
      throw error;
    }
  }

  /** Who shares now, with this member among them; `undefined` while a leader holds the Lease. */
  async #membership(signal: AbortSignal): Promise<Membership | undefined> {
    const { kube, name, namespace, retryPeriodMs = 2_000 } = this.#o;
    const shared = await kube.get(this.#sharedRef(), { signal });
    if (!shared) {
      const empty = { ...leaseKind, metadata: { name, namespace } };
      return await this.#swap(empty, this.#livingMembers(), signal);
    }
    this.#book.note(shared);
    const { holderIdentity } = specOf(shared);
    if (holderIdentity !== sharedHolder) {
      if (holderIdentity && !this.#book.isExpired(shared)) return undefined;
      return await this.#swap(shared, this.#livingMembers(), signal);
    }
    const known = membershipIn(shared);
    // Others may work on what was this member's share.
    if (this.shard.membership && !known.members.includes(this.#name)) throw this.lost("the others took it for gone");
    const gone = await this.#goneMembers(known.members, signal);
    if (gone.length > 0 || !known.members.includes(this.#name)) {
      const staying = known.members.filter((each) => each !== this.#name && !gone.includes(each));
      const membership = await this.#swap(shared, [...staying, this.#name], signal);
      await this.#cleanUp(gone, signal);
      return membership;
    }
    if (this.#book.silentMs(shared) > retryPeriodMs) await this.#swap(shared, known.members, signal, known.epoch);
    return known;
  }

  /** Writes a membership, a new one unless it keeps its epoch. */
  async #swap(
    shared: KubeObject,
    members: readonly string[],
    signal: AbortSignal,
    epoch?: string,
  ): Promise<Membership> {
    const { kube, name: service } = this.#o;
    const membership = { epoch: epoch ?? `${microTime()}-${crypto.randomUUID().slice(0, 8)}`, members };
    const spec = { holderIdentity: members.length > 0 ? sharedHolder : "", ...this.#fresh() };
    const lease = sharedLease(shared, { service, membership, spec });
    await (shared.metadata.uid === undefined ? kube.create(lease, { signal }) : kube.replace(lease, { signal }));
    return membership;
  }

  /** This one, and all who may be at work: a membership that begins anew must hear from each of them. */
  #livingMembers(): string[] {
    const living = this.#memberLeases().filter((lease) => !this.#book.isExpired(lease));
    return [...living.map((lease) => memberOf(lease) ?? "").filter((each) => each !== this.#name), this.#name];
  }

  #memberLeases(): KubeObject[] {
    return this.#cache.list().filter((lease) => lease.metadata.name !== this.#o.name && memberOf(lease));
  }

  /** Members whose Lease has expired or was given back. Looked at live: our watch may be what has fallen silent. */
  async #goneMembers(members: readonly string[], signal: AbortSignal): Promise<string[]> {
    const { kube, name: service, namespace } = this.#o;
    const gone: string[] = [];
    for (const member of members) {
      const name = memberLeaseName(service, member);
      const cached = this.#cache.get(name, namespace);
      if (member === this.#name || cached && !this.#book.isExpired(cached)) continue;
      const lease = await kube.get({ ...leaseKind, name, namespace }, { signal });
      if (lease) this.#book.note(lease);
      if (!lease || this.#book.isExpired(lease)) gone.push(member);
    }
    return gone;
  }

  async #cleanUp(gone: readonly string[], signal: AbortSignal): Promise<void> {
    const { kube, name: service, namespace, log } = this.#o;
    for (const member of gone) {
      log.info("a replica is gone", { member });
      const cached = this.#cache.get(memberLeaseName(service, member), namespace);
      if (cached) await kube.remove(refOf(cached), { signal });
    }
  }
}
