// pure

/** The JSON in bytes, written without a look at the server's own readers; undefined if there is none or it is too deep. */
export function strictJson(bytes: Uint8Array): { value: unknown; depth: number } | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { value: JSON.parse(text), depth: depthOf(text) };
  } catch {
    // No UTF-8 or no JSON.
    return undefined;
  }
}

/** Deeper than anything of Kubernetes, and less deep than what our cases make on purpose. */
export const tooDeep = 10_000;

function depthOf(text: string): number {
  let depth = 0, deepest = 0;
  for (const sign of text.replace(/"(?:[^"\\]|\\.)*"/g, "").match(/[[\]{}]/g) ?? []) {
    depth += sign === "[" || sign === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
