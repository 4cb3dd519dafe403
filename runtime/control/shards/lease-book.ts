import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { specOf } from "./member-leases.ts";

/** When, by our own clock, each Lease was last seen to change: clocks need not agree. */
export class LeaseBook {
  readonly #now: () => number;
  readonly #seen = new Map<string, { record: string; at: number }>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  note(lease: KubeObject): void {
    const { holderIdentity, renewTime } = specOf(lease);
    const record = `${lease.metadata.uid} ${holderIdentity} ${renewTime}`;
    if (this.#seen.get(lease.metadata.name)?.record === record) return;
    this.#seen.set(lease.metadata.name, { record, at: this.#now() });
  }

  forget(name: string): void {
    this.#seen.delete(name);
  }

  /** For how long it has not changed; since now if it was never seen. */
  silentMs({ metadata: { name } }: KubeObject): number {
    return this.#now() - (this.#seen.get(name)?.at ?? this.#now());
  }

  /** Whether its holder has promised to have stopped by now. */
  isExpired(lease: KubeObject): boolean {
    return this.silentMs(lease) >= (specOf(lease).leaseDurationSeconds ?? 0) * 1000;
  }
}
