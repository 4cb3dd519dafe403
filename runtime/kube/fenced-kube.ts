import { KubewardenError } from "../../contracts/errors.ts";
import type { Kube } from "./kube.ts";
import { sleep } from "../sleep.ts";

type Options = {
  /** Asked right before each write: does this process hold its Lease? */
  mayWrite: () => boolean;
  /** How long a write that is under way may go on after its signal. */
  graceMs?: number;
};

/**
 * A `Kube` that writes only while this process may, else `LEASE_LOST`: one that was stopped for a while (SIGSTOP, a
 * frozen VM) wakes up in the middle of its work, before any timer tells it so. Where the work is ended in good order, a
 * write that was sent is waited for: the API server may carry it out whether or not anybody listens, and by the time it
 * does somebody else could lead.
 */
export function fencedKube(kube: Kube, { mayWrite, graceMs = 3_000 }: Options): Kube {
  async function fenced<O extends { signal?: AbortSignal }, R>(o: O, write: (o: O) => Promise<R>): Promise<R> {
    o.signal?.throwIfAborted();
    if (!mayWrite()) throw lost;
    const end = new AbortController(), done = new AbortController();
    const ending = () => void endOf(o.signal?.reason, { end, done: done.signal, graceMs });
    o.signal?.addEventListener("abort", ending, { once: true });
    try {
      return await write({ ...o, signal: end.signal });
    } finally {
      done.abort();
      o.signal?.removeEventListener("abort", ending);
    }
  }
  return {
    ...kube,
    create: (object, o = {}) => fenced(o, (each) => kube.create(object, each)),
    replace: (object, o = {}) => fenced(o, (each) => kube.replace(object, each)),
    apply: (object, o) => fenced(o, (each) => kube.apply(object, each)),
    patch: (ref, body, o) => fenced(o, (each) => kube.patch(ref, body, each)),
    remove: (ref, o = {}) => fenced(o, (each) => kube.remove(ref, each)),
  };
}

const lost = new KubewardenError("LEASE_LOST", "Cannot write: this process does not hold its Lease now");

/** At once when the Lease is lost: the next leader does not wait for us. */
async function endOf(
  reason: unknown,
  { end, done, graceMs }: { end: AbortController; done: AbortSignal; graceMs: number },
): Promise<void> {
  const isLost = reason instanceof KubewardenError && reason.code === "LEASE_LOST";
  if (!isLost) await sleep(graceMs, done).catch(() => undefined); // The write ended before.
  end.abort(reason);
}
