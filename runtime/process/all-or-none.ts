/** Something that runs until its signal. */
export type Work = (signal: AbortSignal) => Promise<void>;

/** Runs all until the signal; if one fails, the others are stopped and its error is thrown. */
export async function allOrNone(works: readonly Work[], until: AbortSignal): Promise<void> {
  const failure = new AbortController();
  const signal = AbortSignal.any([until, failure.signal]);
  const outcomes = await Promise.allSettled(works.map(async (work) => {
    try {
      await work(signal);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  }));
  if (failure.signal.aborted && !until.aborted) throw failure.signal.reason;
  const rejected = outcomes.find((each) => each.status === "rejected");
  if (rejected && !until.aborted) throw rejected.reason;
}
