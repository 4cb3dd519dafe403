/** How long a policy that ran into its deadline counts as slow. */
const suspicionMs = 60_000;

/**
 * Decides which waiting job may start: in order of arrival, at most `workers` at a time. Policies that lately ran into
 * their deadline must not hold up the others: while such jobs run, one job of another policy may start beyond that.
 */
export class FairQueue<J extends { readonly policy: string }> {
  readonly #workers: number;
  readonly #waiting: J[] = [];
  /** Policy -> when it is no longer suspected. */
  readonly #suspects = new Map<string, number>();

  constructor(workers: number) {
    this.#workers = workers;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  push(job: J): void {
    this.#waiting.push(job);
  }

  remove(job: J): void {
    const at = this.#waiting.indexOf(job);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** Takes the next job that may start beside those that run, if there is one. */
  take(running: readonly J[]): J | undefined {
    if (running.length < this.#workers) return this.#waiting.shift();
    if (running.length > this.#workers || !running.some((job) => this.#isSuspect(job))) return undefined;
    const at = this.#waiting.findIndex((job) => !this.#isSuspect(job));
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
  }

  /** Remembers that a policy ran into its deadline. */
  timedOut({ policy }: J): void {
    this.#suspects.set(policy, performance.now() + suspicionMs);
  }

  #isSuspect({ policy }: J): boolean {
    return (this.#suspects.get(policy) ?? 0) > performance.now();
  }
}
