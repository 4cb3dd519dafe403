// pure

/** A value of a JSON text: where it (for a member: its key) begins, and what it holds. */
type Place = { at: number; children?: Map<string, Place> };

export type JsonPlaces = {
  /** Offset of a path, or of the deepest part of it that is there. */
  offsetOf(path: readonly PropertyKey[]): number;
  /** Keys that one object has twice. */
  duplicates: { path: string[]; first: number; second: number }[];
  /** Levels of objects and arrays. */
  depth: number;
};

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

type Level = { place: Place; isObject: boolean; key: string | undefined; index: number };

/** Finds the places of a text that is valid JSON, since `JSON.parse` tells neither lines nor keys that are there twice. */
export function jsonPlaces(text: string): JsonPlaces {
  const root: Place = { at: 0 };
  const duplicates: JsonPlaces["duplicates"] = [];
  const levels: Level[] = [];
  let depth = 0;
  // Where the value that comes next belongs.
  let target = root;
  for (const match of text.matchAll(token)) {
    const [word] = match, at = match.index, level = levels.at(-1);
    if (level?.isObject === false && !/^[\],]/.test(word)) target.at = at;
    if (word === "{" || word === "[") {
      target.children = new Map();
      levels.push({ place: target, isObject: word === "{", key: undefined, index: 0 });
      depth = Math.max(depth, levels.length);
      if (word === "[") target = child(levels.at(-1) as Level, "0", at);
    } else if (word === "}" || word === "]") levels.pop();
    else if (level === undefined) continue;
    else if (word === ",") {
      level.key = undefined;
      if (!level.isObject) target = child(level, String(++level.index), at);
    } else if (level.isObject && level.key === undefined) {
      const key = JSON.parse(word) as string, before = level.place.children?.get(key);
      if (before) duplicates.push({ path: [...pathOf(levels), key], first: before.at, second: at });
      target = child(level, key, at);
      level.key = key;
    }
  }
  return { duplicates, depth, offsetOf: (path) => offsetOf(root, path) };
}

function child(level: Level, key: string, at: number): Place {
  const place: Place = { at };
  level.place.children?.set(key, place);
  return place;
}

function pathOf(levels: readonly Level[]): string[] {
  return levels.slice(0, -1).map(({ isObject, key, index }) => isObject ? key ?? "" : String(index));
}

function offsetOf(root: Place, path: readonly PropertyKey[]): number {
  let place = root;
  for (const segment of path) {
    const next = place.children?.get(String(segment));
    if (next === undefined) break;
    place = next;
  }
  return place.at;
}
