import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import { sleep } from "../../runtime/sleep.ts";

/** Asks again until the answer is there; fails naming what never came and what was seen last. */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { withinMs = 60_000, last }: { withinMs?: number; last?: () => unknown } = {},
): Promise<T> {
  const until = performance.now() + withinMs;
  let failure: unknown;
  while (performance.now() < until) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    await sleep(25);
  }
  const seen = last === undefined ? "" : `; last seen: ${JSON.stringify(await last())}`;
  throw new Error(`never came: ${what}${seen}`, { cause: failure });
}

/** Waits until an object is as asked and answers it. */
export function objectWhere<T extends KubeObject>(
  kube: Kube,
  ref: ObjectRef,
  isRight: (object: T) => unknown,
): Promise<T> {
  const what = `${ref.kind} ${ref.name} where ${isRight}`;
  return eventually(what, async () => {
    const object = await kube.get(ref) as T | undefined;
    return object && isRight(object) ? object : undefined;
  }, { last: () => kube.get(ref) });
}
