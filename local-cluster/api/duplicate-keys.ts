// pure

/** Paths of keys that occur twice in one object of a JSON text, e.g. `spec.replicas`; the text must be valid JSON. */
export function duplicateKeys(text: string): string[] {
  const duplicates: string[] = [];
  const frames: { keys?: Set<string>; key: string; index: number }[] = [];
  const pathTo = () =>
    frames.reduce((path, { keys, key, index }) => keys ? (path ? `${path}.${key}` : key) : `${path}[${index}]`, "");
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\],]/g)) {
    const [token, colon] = match;
    const frame = frames.at(-1);
    if (token === "{") frames.push({ keys: new Set(), key: "", index: 0 });
    else if (token === "[") frames.push({ key: "", index: 0 });
    else if (token === "}" || token === "]") frames.pop();
    else if (token === ",") frame && frame.index++;
    else if (colon !== undefined && frame?.keys) {
      frame.key = JSON.parse(token.slice(0, token.length - colon.length)) as string;
      if (frame.keys.has(frame.key)) duplicates.push(pathTo());
      frame.keys.add(frame.key);
    }
  }
  return duplicates;
}
