/**
 * Resolves once those passes over such keys that are in progress now have ended. For one that must not say "it is done"
 * while another, begun before by what was known then, may still write. Never wait for a pass that may wait for yours.
 */
export type PassesEnded = (isMeant: (key: string) => boolean) => Promise<void>;

/** The passes of a controller that are in progress. */
export class Passes {
  readonly #inProgress = new Map<string, Promise<void>>();

  /** A pass over this key begins; call what it answers when the pass has ended. No key has two at the same time. */
  begin(key: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#inProgress.set(key, promise);
    return () => {
      this.#inProgress.delete(key);
      resolve();
    };
  }

  ended: PassesEnded = async (isMeant) => {
    await Promise.all([...this.#inProgress].filter(([key]) => isMeant(key)).map(([, end]) => end));
  };
}
