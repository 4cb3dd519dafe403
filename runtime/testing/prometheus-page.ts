// pure

/** One value of Prometheus' text format. */
export type Sample = { name: string; labels: Record<string, string>; value: number };

/**
 * Reads a page strictly (https://prometheus.io/docs/instrumenting/exposition_formats/): throws on a line that is none, on
 * a sample before its type, and on the same sample twice.
 */
export function samplesOf(page: string): Sample[] {
  const types = new Map<string, string>(), seen = new Set<string>();
  return page.split("\n").flatMap((line) => {
    const [, described, kind] = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (described !== undefined && kind !== undefined) {
      if (types.has(described)) throw new SyntaxError(`${described} has two types`);
      types.set(described, kind);
      return [];
    }
    if (line === "" || /^# HELP [a-zA-Z_:][\w:]* \S/.test(line)) return [];
    const sample = sampleOf(line);
    const family = types.has(sample.name) ? sample.name : sample.name.replace(/_(bucket|sum|count)$/, "");
    if (!types.has(family)) throw new SyntaxError(`no type before: ${line}`);
    if (family !== sample.name && types.get(family) !== "histogram") throw new SyntaxError(`no histogram: ${line}`);
    const key = line.slice(0, line.lastIndexOf(" "));
    if (seen.has(key)) throw new SyntaxError(`twice: ${line}`);
    seen.add(key);
    return [sample];
  });
}

function sampleOf(line: string): Sample {
  const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\]|\\["\\n])*"`;
  const match = new RegExp(`^([a-zA-Z_:][\\w:]*)(?:\\{(${label}(?:,${label})*)\\})? (\\S+)$`).exec(line);
  const [, name = "", labels = "", value = ""] = match ?? [];
  if (match === null || Number.isNaN(Number(value.replace("+Inf", "Infinity")))) {
    throw new SyntaxError(`no sample: ${line}`);
  }
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [
    key,
    text.replace(/\\(.)/g, (_all, escaped: string) => escaped === "n" ? "\n" : escaped),
  ]);
  return { name, labels: Object.fromEntries(pairs), value: Number(value.replace("+Inf", "Infinity")) };
}
