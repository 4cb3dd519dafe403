import { messageOf } from "../../../../contracts/errors.ts";
import type { Log } from "../../../../runtime/telemetry/log.ts";
import type { ImageReference } from "../registry-reader.ts";
import type { Place } from "./registry-client.ts";

export type Mirrors = ReadonlyMap<string, readonly string[]>;

/** Where to ask for an image: the mirrors of its registry in their order, then itself. */
export function placesOf({ registry, repository }: ImageReference, mirrors: Mirrors): [...Place[], Place] {
  const before = (mirrors.get(registry) ?? []).map((mirror) => {
    const [host = "", ...path] = mirror.split("/");
    return { registry: host, repository: [...path, repository].filter(Boolean).join("/") };
  });
  return [...before, { registry, repository }];
}

/** Asks one place after the other until one has it; what fails at a mirror is told, and what fails at the end is thrown. */
export async function anywhere<T>(
  places: readonly [...Place[], Place],
  { log, signal }: { log: Log; signal: AbortSignal },
  work: (place: Place, options: { isMirror: boolean }) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const place of places.slice(0, -1)) {
    try {
      const found = await work(place, { isMirror: true });
      if (found !== undefined) return found;
    } catch (error) {
      signal.throwIfAborted();
      log.warn("A mirror did not help", {
        mirror: place.registry,
        repository: place.repository,
        reason: messageOf(error),
      });
    }
  }
  return await work(places.at(-1) as Place, { isMirror: false });
}
