import type { ExecutionMode } from "../policies/execution-mode.ts";
import { evaluateGuest, type Guest, type GuestCall, type GuestOptions, type GuestOutcome } from "./guest.ts";
import { guestOf } from "./guest-of.ts";
import { Snapshot } from "./snapshot.ts";

/** A module and what kind of guest it is. The digest stands for both: one content has one metadata section. */
export type GuestModule = { digest: string; mode: ExecutionMode; module: WebAssembly.Module };

/** A guest that can be taken back to how it was before its first call. */
type KeptGuest = {
  guest: Guest;
  snapshot: Snapshot;
  /** Whether its start functions asked the host for what changes: then each evaluation runs them again. */
  startsAgain: boolean;
};

export type KeptGuestsOptions = {
  /** What all kept guests may hold together; those used longest ago are thrown away first. */
  maxBytes: number;
};

/**
 * The guests of one thread. Instantiating costs more than many policies compute, and leaves a memory to collect; so a guest
 * is kept and, before anybody else uses it, taken back to the state in which a fresh one starts. Where that cannot be
 * done exactly (snapshot.ts), or the guest has failed, the next evaluation gets a fresh one.
 */
export class KeptGuests {
  readonly #maxBytes: number;
  /** By digest of the module; the one used last stands last. */
  readonly #guests = new Map<string, KeptGuest>();
  #used: { digest: string; kept: KeptGuest } | undefined;

  constructor({ maxBytes }: KeptGuestsOptions) {
    this.#maxBytes = maxBytes;
  }

  /** Runs one operation on a guest in the state of a fresh one. `tidy` must be called before the next call. */
  call(source: GuestModule, call: GuestCall, options: GuestOptions): GuestOutcome {
    const { digest } = source;
    const kept = this.#guests.get(digest);
    this.#guests.delete(digest);
    if (kept === undefined) return this.#callFresh(source, call, options);
    const { guest, startsAgain } = kept;
    guest.begin(options);
    const prepare = () => startsAgain && guest.restart();
    const outcome = evaluateGuest(guest, { call, deadline: options.deadline, prepare });
    if (outcome.kind === "answered") this.#used = { digest, kept };
    else options.retired(guest.memoryBytes);
    options.measured?.(guest.memoryBytes);
    return outcome;
  }

  /** Takes the guest of the last call back to its start, or throws it away. Costs time: the answer should be out by then. */
  tidy(retired: GuestOptions["retired"]): void {
    if (this.#used === undefined) return;
    const { digest, kept } = this.#used;
    this.#used = undefined;
    if (!kept.snapshot.restore()) return retired(kept.guest.memoryBytes);
    this.#guests.set(digest, kept);
    let held = [...this.#guests.values()].reduce((sum, { snapshot }) => sum + snapshot.heldBytes, 0);
    for (const [oldest, { guest, snapshot }] of this.#guests) {
      if (held <= this.#maxBytes) break;
      held -= snapshot.heldBytes;
      this.#guests.delete(oldest);
      retired(guest.memoryBytes);
    }
  }

  #callFresh({ digest, mode, module }: GuestModule, call: GuestCall, options: GuestOptions): GuestOutcome {
    const guest = guestOf(mode, options);
    let snapshot: Snapshot | undefined;
    let startsAgain = false;
    const prepare = () => {
      guest.create(module, (instance) => {
        if (!guest.askedForMore) snapshot = Snapshot.of(instance);
      });
      startsAgain = guest.askedForMore;
      if (snapshot !== undefined && !startsAgain) snapshot = Snapshot.of(guest.instance);
    };
    const outcome = evaluateGuest(guest, { call, deadline: options.deadline, prepare });
    if (outcome.kind === "answered" && snapshot !== undefined) {
      this.#used = { digest, kept: { guest, snapshot, startsAgain } };
    } else options.retired(guest.memoryBytes);
    options.measured?.(guest.memoryBytes);
    return outcome;
  }
}
