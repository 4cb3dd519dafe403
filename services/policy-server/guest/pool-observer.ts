// pure

/** What the pool tells of itself, for metrics. Every function returns at once and never throws. */
export type PoolObserver = {
  /** A task begins after having waited. */
  dispatched(policy: string, waitedMs: number): void;
  /** How many tasks wait now. */
  waiting(tasks: number): void;
  /** A task was refused because too many wait. */
  shed(policy: string): void;
  /** A thread was replaced: its guest passed its deadline without stopping, or the thread died. */
  threadReplaced(reason: "deadline" | "crash"): void;
  /** The memory of a policy's guest after an evaluation, in bytes. */
  guestMemory(policy: string, bytes: number): void;
};
