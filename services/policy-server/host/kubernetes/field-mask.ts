// pure
import { isRawNumber } from "../../../../contracts/json.ts";

/** Members to keep, by name; `whole` keeps everything below. */
export type FieldMask = { whole: boolean; members: Map<string, FieldMask> };

/** Reads dotted paths. No paths at all keep everything: undefined. */
export function parseFieldMask(paths: readonly string[] | null): FieldMask | undefined {
  if (paths === null || paths.length === 0) return undefined;
  const mask = emptyMask();
  for (const path of paths) {
    let at = mask;
    for (const segment of path.split(".")) {
      const next = at.members.get(segment) ?? emptyMask();
      at.members.set(segment, next);
      at = next;
    }
    at.whole = true;
  }
  return mask;
}

function emptyMask(): FieldMask {
  return { whole: false, members: new Map() };
}

/**
 * A copy that holds what the mask names; arrays are looked through. Source: reference/policy-server.md 5.8.8.
 */
export function applyFieldMask(value: unknown, mask: FieldMask): unknown {
  if (mask.whole || typeof value !== "object" || value === null || isRawNumber(value)) return value;
  if (Array.isArray(value)) return value.map((each) => applyFieldMask(each, mask));
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      const below = mask.members.get(name);
      return below === undefined ? [] : [[name, applyFieldMask(member, below)]];
    }),
  );
}
