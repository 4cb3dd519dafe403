import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { WatchCache } from "./watch-cache.ts";

/** Finds cached objects by a word that each of them has any number of, without looking through all. */
export type ObjectIndex = { get(word: string): readonly KubeObject[] };

/**
 * An index over caches that is kept as they change. Made before a controller listens to them, it is up to date whenever
 * that controller hears of a change.
 */
export function indexObjects(
  caches: readonly WatchCache[],
  wordsOf: (object: KubeObject) => readonly string[],
): ObjectIndex {
  const byWord = new Map<string, Map<string, KubeObject>>();
  const add = (object: KubeObject) => {
    for (const word of wordsOf(object)) {
      const found = byWord.get(word) ?? new Map<string, KubeObject>();
      byWord.set(word, found.set(identityOf(object), object));
    }
  };
  const drop = (object: KubeObject) => {
    for (const word of wordsOf(object)) {
      const found = byWord.get(word);
      found?.delete(identityOf(object));
      if (found?.size === 0) byWord.delete(word);
    }
  };
  for (const cache of caches) {
    for (const object of cache.list()) add(object);
    cache.onChange(({ before, after }) => {
      if (before) drop(before);
      if (after) add(after);
    });
  }
  return { get: (word) => [...byWord.get(word)?.values() ?? []] };
}

function identityOf({ kind, metadata: { name, namespace = "" } }: KubeObject): string {
  return `${kind}/${namespace}/${name}`;
}
