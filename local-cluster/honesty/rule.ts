import type { ApiServer } from "../api/server.ts";
import type { RawClient } from "./client.ts";

/** One rule of Kubernetes and the proof that the local cluster keeps it. */
export type Rule = {
  /** A sentence that a Kubernetes user would agree to. */
  readonly rule: string;
  readonly holds: (stage: Stage) => Promise<void>;
};

/** What a rule may use: an API server without disturbances, and a namespace of its own. */
export type Stage = RawClient & { readonly server: ApiServer; readonly namespace: string };

/** Asks again until the answer is there; the test runner's own time limit ends a wait that never succeeds. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
