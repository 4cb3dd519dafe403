import { isScalar, parseDocument, visit } from "yaml";
import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { parseJson } from "../../../contracts/json.ts";
import {
  noSources,
  parsePoliciesFile,
  parseSourcesFile,
  type PoliciesFile,
  type SourcesFile,
} from "../../../contracts/policy-config.ts";
import { readText } from "../../../runtime/files.ts";

/** Reads policies.yml. Throws POLICIES_FILE_INVALID with upstream's words. */
export async function readPolicies(path: string): Promise<PoliciesFile> {
  try {
    return parsePoliciesFile(parseYaml(await readText(path)));
  } catch (cause) {
    const message = `error while loading policies from "${path}": ${messageOf(cause)}`;
    throw new KubewardenError("POLICIES_FILE_INVALID", message, { cause });
  }
}

/** Reads sources.yml; none configured means none special. Throws SOURCES_FILE_INVALID. */
export async function readSources(path: string | undefined): Promise<SourcesFile> {
  if (path === undefined) return noSources;
  try {
    return parseSourcesFile(parseYaml(await readText(path)));
  } catch (cause) {
    const message = `error while loading sources from ${path}: ${messageOf(cause)}`;
    throw new KubewardenError("SOURCES_FILE_INVALID", message, { cause });
  }
}

/** YAML, or JSON as the reconciler writes it, without losing a digit of a number. */
export function parseYaml(text: string): unknown {
  if (/^\s*\{/.test(text)) {
    try {
      return parseJson(text);
    } catch {
      // Not JSON, but it may still be YAML in flow style.
    }
  }
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw problem;
  visit(document, {
    Scalar(_key, node) {
      const { source } = node;
      if (!isScalar(node) || typeof node.value !== "number" || source === undefined) return;
      if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(source)) node.value = parseJson(source);
    },
  });
  return document.toJS();
}
