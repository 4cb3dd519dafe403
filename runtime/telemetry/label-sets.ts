// pure
import { boundedText } from "./bounded-text.ts";

/** Values of labels by name; a label that is undefined or missing is left out. */
export type Labels = Readonly<Record<string, string | number | boolean | undefined>>;

/** The set that stands for all that are not told apart, as OpenTelemetry names it. */
export const overflow: Labels = { "otel.metric.overflow": true };

/** Bound of a metric's label sets where nothing else is said: OpenTelemetry's own default. */
export const defaultMaxLabelSets = 2000;

/** The SDK's own limit that our bound never reaches: one set more for `overflow`, and it keeps one for its own. */
export const sdkLimitFor = (limit: number): number => limit + 2;

// Longer than any Kubernetes name; values that come from requests could have any length.
const maxValueLength = 256;

/**
 * Bounds what one metric may cost: at most `limit` label sets are ever told apart, whatever requests say, and the rest
 * becomes `overflow`. (The SDK's own limit holds only between two collections; what it accumulates has none.) The same
 * labels give the same object; labels that are not in `names` are dropped.
 */
export function labelSets(names: readonly string[], limit: number): (labels: Labels) => Labels {
  const known = new Map<string, Labels>();
  return (labels) => {
    let key = "";
    for (const name of names) {
      const value = bounded(labels[name]);
      // The length before each text: no two sets have the same key, whatever characters are in them.
      if (value !== undefined) key += typeof value === "string" ? `${value.length}:${value}` : value;
      key += ",";
    }
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= limit) return overflow;
    const set = Object.fromEntries(
      names.map((name) => [name, bounded(labels[name])]).filter(([, v]) => v !== undefined),
    );
    known.set(key, set);
    return set;
  };
}

function bounded(value: Labels[string]): Labels[string] {
  return typeof value === "string" ? boundedText(value, maxValueLength) : value;
}
