/** How long a policy that ran into its deadline counts as slow. */
const suspicionMs = 60_000;

/**
 * Decides which waiting job may start: in order of arrival, at most `workers` at a time. Policies that lately ran into
 * their deadline must not hold up the others: while such jobs run, one job of another policy may start beyond that.
 */
export class FairQueue<J extends { readonly policy: string }> {
  readonly #workers: number;
  readonly #limit: number;
  readonly #waiting: J[] = [];
  /** Policy -> how many of its jobs wait. */
  readonly #waitingOf = new Map<string, number>();
  /** Policy -> when it is no longer suspected. */
  readonly #suspects = new Map<string, number>();

  constructor({ workers, limit }: { workers: number; limit: number }) {
    this.#workers = workers;
    this.#limit = limit;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** False if too many wait: `limit` in all, or half of it of the same policy, so that one alone cannot shut out the others. */
  push(job: J): boolean {
    const ofPolicy = this.#waitingOf.get(job.policy) ?? 0;
    if (this.#waiting.length >= this.#limit || ofPolicy >= Math.ceil(this.#limit / 2)) return false;
    this.#waitingOf.set(job.policy, ofPolicy + 1);
    this.#waiting.push(job);
    return true;
  }

  remove(job: J): void {
    const at = this.#waiting.indexOf(job);
    if (at >= 0) this.#takeAt(at);
  }

  /** Takes the next job that may start beside those that run, if there is one. */
  take(running: readonly J[]): J | undefined {
    if (running.length < this.#workers) return this.#takeAt(0);
    if (running.length > this.#workers || !running.some((job) => this.#isSuspect(job))) return undefined;
    const at = this.#waiting.findIndex((job) => !this.#isSuspect(job));
    return at < 0 ? undefined : this.#takeAt(at);
  }

  #takeAt(at: number): J | undefined {
    const [job] = this.#waiting.splice(at, 1);
    if (job === undefined) return undefined;
    const left = (this.#waitingOf.get(job.policy) ?? 1) - 1;
    if (left === 0) this.#waitingOf.delete(job.policy);
    else this.#waitingOf.set(job.policy, left);
    return job;
  }

  /** Remembers that a policy ran into its deadline. */
  timedOut({ policy }: J): void {
    this.#suspects.set(policy, performance.now() + suspicionMs);
  }

  #isSuspect({ policy }: J): boolean {
    return (this.#suspects.get(policy) ?? 0) > performance.now();
  }
}
