// pure
import { parseJson } from "../../contracts/json.ts";
import type { PolicyMode } from "../../contracts/policy.ts";

/** One policy in a policies.yml that this service wrote: its exact text, and what of it matters here. */
export type ConfigEntry = { text: string; mode: PolicyMode; namespace: string; name: string };

/** Unique name to entry. */
export type ConfigEntries = ReadonlyMap<string, ConfigEntry>;

/**
 * The entries of a policies.yml, each as the bytes that stand there, so that an entry that is kept does not change the
 * config version. A text that is no JSON map (written by someone else) has no entries.
 */
export function entriesIn(policiesFile: string): ConfigEntries {
  const entries = new Map<string, ConfigEntry>();
  if (!isJsonObject(policiesFile)) return entries;
  for (const [unique, text] of membersOf(policiesFile)) {
    const value = parseJson(text) as { policyMode?: unknown; namespacedName?: { Namespace?: unknown; Name?: unknown } };
    entries.set(unique, {
      text,
      mode: value?.policyMode === "monitor" ? "monitor" : "protect",
      namespace: String(value?.namespacedName?.Namespace ?? ""),
      name: String(value?.namespacedName?.Name ?? ""),
    });
  }
  return entries;
}

function isJsonObject(text: string): boolean {
  try {
    const value = parseJson(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Cuts the text of a JSON object into the texts of its members. Strings are skipped whole, brackets counted. */
function* membersOf(text: string): Iterable<[string, string]> {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
  let depth = 0, key = "", from = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [symbol] = match;
    const outermost = depth === 1;
    if (symbol === "{" || symbol === "[") depth++;
    if (symbol === "}" || symbol === "]") depth--;
    if (!outermost) continue;
    if (symbol.startsWith('"') && from === 0) key = JSON.parse(symbol) as string;
    if (symbol === ":") from = token.lastIndex;
    if ((symbol === "," || symbol === "}") && from > 0) {
      yield [key, text.slice(from, match.index).trim()];
      from = 0;
    }
  }
}
