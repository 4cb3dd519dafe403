// pure
import { KubewardenError } from "./errors.ts";

/** Host capability paths a policy may be granted. Source: reference/policy-server.md 5.1.3. */
type Tree = { readonly [segment: string]: Tree };
const leaf: Tree = {};
const tree: Tree = {
  crypto: { v1: { is_certificate_trusted: leaf } },
  kubernetes: {
    can_i: leaf,
    get_resource: leaf,
    list_resources_all: leaf,
    list_resources_by_namespace: leaf,
  },
  net: { v1: { dns_lookup_host: leaf } },
  oci: {
    v1: { manifest_digest: leaf, oci_manifest: leaf, oci_manifest_config: leaf, verify: leaf },
    v2: { verify: leaf },
  },
};

/** Every pattern that may be granted: `*`, each inner node with `/*`, each full path. */
export const capabilityPatterns: readonly string[] = ["*", ...patternsUnder(tree, "")];

function patternsUnder(node: Tree, prefix: string): string[] {
  return Object.entries(node).flatMap(([segment, child]) =>
    isLeaf(child) ? [prefix + segment] : [`${prefix}${segment}/*`, ...patternsUnder(child, `${prefix}${segment}/`)]
  );
}

function isLeaf(node: Tree): boolean {
  return Object.keys(node).length === 0;
}

/**
 * What is wrong with a pattern, in upstream's words, or undefined. White space around it is ignored.
 * Source: reference/policy-server.md 5.1.7.
 */
export function capabilityPatternProblem(pattern: string): string | undefined {
  const path = pattern.trim();
  if (path === "") return "invalid pattern: pattern must not be empty";
  if (path === "*") return undefined;
  const segments = path.split("/");
  let node = tree;
  for (const [index, segment] of segments.entries()) {
    if (segment === "*" && index === segments.length - 1 && !isLeaf(node)) return undefined;
    if (segment.includes("*") && !(segment === "*" && isLeaf(node))) {
      return `invalid pattern "${path}": wildcard '*' must be the entire last path segment (e.g. 'oci/*'), not a partial match`;
    }
    const child = Object.hasOwn(node, segment) ? node[segment] : undefined;
    if (!child) {
      const options = Object.keys(node).sort().join(", ");
      return `invalid pattern "${path}": unknown segment "${segment}", valid options at this level are: ${options}`;
    }
    node = child;
  }
  if (isLeaf(node)) return undefined;
  return `invalid pattern "${path}": not a complete capability path; use "${path}/*" to allow all capabilities under it`;
}

/** What a policy may call: everything, or full paths and prefixes ending in `/`. */
export type Capabilities = {
  readonly all: boolean;
  readonly prefixes: readonly string[];
  readonly exact: readonly string[];
};

/**
 * Reads a list of patterns. `*` ends the reading: what follows it is not looked at (reference/policy-server.md 5.1.8).
 * Throws `CAPABILITY_INVALID` with upstream's text.
 */
export function parseCapabilities(patterns: readonly string[]): Capabilities {
  const prefixes = new Set<string>(), exact = new Set<string>();
  for (const pattern of patterns) {
    const path = pattern.trim();
    if (path === "*") return { all: true, prefixes: [], exact: [] };
    const problem = capabilityPatternProblem(path);
    if (problem !== undefined) throw new KubewardenError("CAPABILITY_INVALID", problem);
    if (path.endsWith("/*")) prefixes.add(path.slice(0, -1));
    else exact.add(path);
  }
  return { all: false, prefixes: [...prefixes].sort(), exact: [...exact].sort() };
}

/** Whether a host call to `<namespace>/<operation>` is granted. */
export function isCapabilityGranted(capabilities: Capabilities, path: string): boolean {
  return capabilities.all || capabilities.exact.includes(path) ||
    capabilities.prefixes.some((prefix) => path.startsWith(prefix));
}

/** The list form for logs: `[*]`, `[]`, or sorted prefixes, then sorted paths (reference/policy-server.md 5.1.10). */
export function formatCapabilities({ all, prefixes, exact }: Capabilities): string {
  return `[${(all ? ["*"] : [...prefixes.map((prefix) => `${prefix}*`), ...exact]).join(", ")}]`;
}
