import { afterHearing, afterSeeing, type Holding, isHeld, type Membership, nothingHeld } from "./holding.ts";

/** A member's share of the keys, as its controllers see it. */
export type Shard = {
  /** Takes a key for work unless it is another member's; whoever got `true` says `leave` when the work is done. */
  enter(key: string): boolean;
  leave(key: string): void;
  /** Whether a key is this member's. */
  holds(key: string): boolean;
  /** Calls back when keys may have become this member's; the returned function ends that. */
  onGain(listener: () => void): () => void;
};

/** What one member holds and works on. It confirms a membership only once no work is left on what it has let go. */
export class ShardOfMember implements Shard {
  readonly #member: string;
  readonly #onDrained: () => void;
  readonly #working = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #holding: Holding = nothingHeld;

  constructor(member: string, { onDrained }: { onDrained: () => void }) {
    this.#member = member;
    this.#onDrained = onDrained;
  }

  holds(key: string): boolean {
    return isHeld(this.#holding, this.#member, key);
  }

  enter(key: string): boolean {
    if (!this.holds(key)) return false;
    this.#working.set(key, (this.#working.get(key) ?? 0) + 1);
    return true;
  }

  leave(key: string): void {
    const left = (this.#working.get(key) ?? 1) - 1;
    if (left > 0) return void this.#working.set(key, left);
    this.#working.delete(key);
    if (!this.holds(key)) this.#onDrained();
  }

  onGain(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get membership(): Membership | undefined {
    return this.#holding.current;
  }

  see(membership: Membership): void {
    this.#holding = afterSeeing(this.#holding, membership);
  }

  /** The epoch that may be confirmed now. */
  get confirmable(): string | undefined {
    const busy = [...this.#working.keys()].some((key) => !this.holds(key));
    return busy ? undefined : this.#holding.current?.epoch;
  }

  /** The epochs that the members have confirmed; true if this settled the membership. */
  hear(confirmed: ReadonlyMap<string, string>): boolean {
    const before = this.#holding;
    this.#holding = afterHearing(before, confirmed);
    if (this.#holding === before) return false;
    for (const listener of this.#listeners) listener();
    return true;
  }
}
