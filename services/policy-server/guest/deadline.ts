/** `(module (func (export "trap") unreachable))` */
const trapModule = new WebAssembly.Module(
  // deno-fmt-ignore
  new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0,
    0, 11,
  ]),
);
/** Ends the guest that called the host: by a real trap, which no guest catches. */
export const trap = new WebAssembly.Instance(trapModule).exports["trap"] as () => never;

/**
 * When a guest's time is over. The guest meets it through the checks that metering.ts puts into its code, and in
 * everything that waits on its behalf.
 */
export class Deadline {
  readonly #at: number;
  readonly #isStopped: () => boolean;
  #passed = false;

  /** `timeoutMs` from now, undefined means never; or as soon as `isStopped` says so. */
  constructor(timeoutMs: number | undefined, isStopped: () => boolean = () => false) {
    this.#at = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
    this.#isStopped = isStopped;
  }

  /** Whether a check has stopped the guest: only this says so, never the error that came out of it. */
  get passed(): boolean {
    return this.#passed;
  }

  /** Milliseconds left, never below 0; Infinity without a limit. */
  remainingMs(): number {
    return Math.max(0, this.#at - performance.now());
  }

  /**
   * Returns while there is time, otherwise stops the guest. It stops by a real WebAssembly trap, not by an exception:
   * a guest's `catch_all` catches what an import throws, but no trap.
   */
  check(): void {
    if (performance.now() < this.#at && !this.#isStopped()) return;
    this.#passed = true;
    trap();
  }
}
