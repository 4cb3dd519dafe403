// pure
import { z } from "zod";
import { configFileInvalid, type ConfigProblem, type ConfigSource, problemsOf } from "./config-problems.ts";
import { isRawNumber, type RawNumber } from "./json.ts";
import { anyObject } from "./kubernetes-schema.ts";
import { similarWord } from "./similar-word.ts";

/**
 * `policies.yml` and `sources.yml`: what the reconciler writes (policy-config-writer.ts) and the policy-server reads.
 * Source: reference/policy-server.md 1.4 and 1.5.
 */
export const policiesFileName = "policies.yml";
export const sourcesFileName = "sources.yml";

// null and absent mean "no settings"; anything else that is no object fails.
const isMap = (value: unknown) => anyObject.safeParse(value).success;
const settings = z.custom<Record<string, unknown>>(isMap, "expected an object").nullish().transform((value) =>
  value ?? {}
);
const contextAwareResource = z.object({ apiVersion: z.string(), kind: z.string() });
// 23 days: whoever asks for more gets as much, since timers hold no more than 2^31 milliseconds.
export const longestLimitSeconds = 2_000_000;
const seconds = z.custom<number | RawNumber>(isSeconds, "expected a whole number of seconds")
  .transform((value) => Math.min(Number(isRawNumber(value) ? value.rawJSON : value), longestLimitSeconds));

const runnable = {
  module: z.string(),
  settings,
  contextAwareResources: z.array(contextAwareResource).nullish().transform((list) => withoutDuplicates(list ?? [])),
  timeoutEvalSeconds: seconds.nullish().transform((value) => value ?? undefined),
  hostCapabilities: z.array(z.string()).default([]),
};
// Ours: upstream's server does not read it, so nothing may fail for what stands there.
const namespacedName = z.object({ Namespace: z.string(), Name: z.string() }).optional().catch(undefined);
const policyMode = z.enum(["protect", "monitor"]).default("protect");

const member = z.strictObject(runnable);
const single = z.object({
  ...runnable,
  namespacedName,
  policyMode,
  allowedToMutate: z.boolean().nullish().transform((value) => value ?? false),
  message: z.string().nullish().transform((value) => value ?? undefined),
});
const group = z.object({
  namespacedName,
  policyMode,
  policies: z.custom<Record<string, unknown>>(isMap, "expected a map"),
  expression: z.string(),
  message: z.string(),
});

/** One module with its settings, as a policy of its own or as a member of a group. */
export type RunnableEntry = z.output<typeof member>;
export type SingleEntry = { kind: "policy" } & z.output<typeof single>;
export type GroupEntry =
  & { kind: "group"; policies: Map<string, RunnableEntry> }
  & Omit<
    z.output<typeof group>,
    "policies"
  >;
export type PolicyEntry = SingleEntry | GroupEntry;
/** Policy id -> entry. */
export type PoliciesFile = Map<string, PolicyEntry>;

/**
 * Reads the parsed text of policies.yml. Throws `POLICIES_FILE_INVALID` naming every problem with its policy, its field
 * and, if `source` knows it, its line.
 */
export function parsePoliciesFile(value: unknown, source: ConfigSource = {}): PoliciesFile {
  const problems = [...source.problems ?? []];
  const file: PoliciesFile = new Map();
  if (isMap(value)) {
    for (const [id, raw] of Object.entries(value as Record<string, unknown>)) {
      if (id.includes("/")) {
        problems.push({ path: [id], subject: "", message: `policy name '${id}' contains a '/' character` });
      }
      const entry = parseEntry(id, raw, problems);
      if (entry !== undefined) file.set(id, entry);
    }
  } else {
    const empty = value === null || value === undefined;
    const message = `policies file: expected a map of policies by name${empty ? '; without policies write "{}"' : ""}`;
    problems.push({ path: [], subject: "", message });
  }
  if (problems.length > 0) throw configFileInvalid("POLICIES_FILE_INVALID", problems, source);
  return file;
}

/** An entry that reads as a policy is one; otherwise it must read as a group. */
function parseEntry(id: string, value: unknown, problems: ConfigProblem[]): PolicyEntry | undefined {
  const asPolicy = single.safeParse(value);
  if (asPolicy.success) return { kind: "policy", ...asPolicy.data };
  const has = (field: string) => isMap(value) && Object.hasOwn(value as object, field);
  const at = { path: [id], subject: `policy '${id}'` };
  if (has("module")) return void problems.push(...problemsOf(asPolicy.error, at));
  if (!has("policies")) {
    return void problems.push({ ...at, message: "neither a policy (no `module`) nor a group (no `policies`)" });
  }
  const asGroup = group.safeParse(value);
  if (!asGroup.success) problems.push(...problemsOf(asGroup.error, at));
  const members = (value as Record<string, unknown>)["policies"];
  const policies = isMap(members) ? parseMembers(id, members as Record<string, unknown>, problems) : undefined;
  return asGroup.success && policies ? { kind: "group", ...asGroup.data, policies } : undefined;
}

function parseMembers(
  id: string,
  members: Record<string, unknown>,
  problems: ConfigProblem[],
): Map<string, RunnableEntry> {
  const badNames = Object.keys(members).filter((name) => name.includes("/"));
  if (badNames.length > 0) {
    const list = badNames.map((name) => JSON.stringify(name)).join(", ");
    const message = `policy group '${id}' contains policies with invalid names: [${list}]`;
    problems.push({ path: [id, "policies", ...badNames.slice(0, 1)], subject: "", message });
  }
  return new Map(
    Object.entries(members).flatMap(([name, each]): [string, RunnableEntry][] => {
      const parsed = member.safeParse(each);
      if (parsed.success) return [[name, parsed.data]];
      const at = { path: [id, "policies", name], subject: `policy group '${id}', member '${name}'` };
      problems.push(...problemsOf(parsed.error, at));
      return [];
    }),
  );
}

/** Unknown fields that are close to a known one; they are ignored all the same, as upstream does. */
export function misspelledFields(file: unknown): { policy: string; field: string; meant: string }[] {
  if (!isMap(file)) return [];
  const known = [...new Set([...Object.keys(single.shape), ...Object.keys(group.shape)])];
  return Object.entries(file as Record<string, unknown>).flatMap(([policy, entry]) => {
    const fields = isMap(entry) ? Object.keys(entry as object).filter((field) => !known.includes(field)) : [];
    return fields.flatMap((field) => {
      const meant = similarWord(field, known);
      return meant === undefined ? [] : [{ policy, field, meant }];
    });
  });
}

function isSeconds(value: unknown): value is number | RawNumber {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0;
  if (!isRawNumber(value) || !/^\d{1,20}$/.test(value.rawJSON)) return false;
  return BigInt(value.rawJSON) < 2n ** 64n;
}

function withoutDuplicates(list: z.output<typeof contextAwareResource>[]): z.output<typeof contextAwareResource>[] {
  return [...new Map(list.map((each) => [`${each.apiVersion}/${each.kind}`, each])).values()];
}

const authority = z.discriminatedUnion("type", [
  z.object({ type: z.literal("Path"), path: z.string() }),
  z.object({
    type: z.literal("Data"),
    data: z.union([z.string(), z.array(z.int().min(0).max(255))], "expected text or a list of bytes"),
  }),
], { error: 'expected "Path" or "Data"' });
const mirror = z.string().regex(
  /^([\w.-]+|\[[0-9a-f:.]+\])(:\d+)?(\/[a-z0-9][\w.-]*)*$/i,
  "expected host[:port] or host[:port]/path",
);
const sources = z.object({
  insecure_sources: z.array(z.string()).nullish().transform((list) => list ?? []),
  source_authorities: z.custom<Record<string, unknown>>(isMap, "expected a map of authorities by host").nullish()
    .transform((value) => new Map(Object.entries(value ?? {}))),
  proxies: z.object({
    http_proxy: z.string().nullish(),
    https_proxy: z.string().nullish(),
    no_proxy: z.string().nullish(),
  }).nullish().transform((value) => value ?? undefined),
  source_mirrors: z.record(z.string(), z.array(mirror)).nullish().transform((value) => value ?? {}),
});

export type SourceAuthority = z.output<typeof authority>;
export type SourcesFile = {
  insecureSources: Set<string>;
  /** By `host` or `host:port`, as written. */
  sourceAuthorities: Map<string, SourceAuthority[]>;
  /** Goes before what the environment says, as a whole. */
  proxies?: { httpProxy?: string | undefined; httpsProxy?: string | undefined; noProxy?: string | undefined };
  /** Host -> hosts (with a path in front of theirs) that are asked before it, in this order. Our addition. */
  sourceMirrors?: Map<string, string[]>;
};

/** No sources configured. */
export const noSources: SourcesFile = { insecureSources: new Set(), sourceAuthorities: new Map() };

/** Reads the parsed text of sources.yml; null is none. Throws `SOURCES_FILE_INVALID` naming every problem. */
export function parseSourcesFile(value: unknown, source: ConfigSource = {}): SourcesFile {
  const problems = [...source.problems ?? []];
  const parsed = sources.safeParse(isRawNumber(value) ? Number(value.rawJSON) : value ?? {});
  if (!parsed.success) problems.push(...problemsOf(parsed.error));
  const authorities = parsed.success ? parseAuthorities(parsed.data.source_authorities, problems) : new Map();
  if (!parsed.success || problems.length > 0) throw configFileInvalid("SOURCES_FILE_INVALID", problems, source);
  const { insecure_sources, proxies, source_mirrors } = parsed.data;
  const mirrors = Object.entries(source_mirrors);
  return {
    insecureSources: new Set(insecure_sources),
    sourceAuthorities: authorities,
    ...(proxies && {
      proxies: {
        httpProxy: proxies.http_proxy ?? undefined,
        httpsProxy: proxies.https_proxy ?? undefined,
        noProxy: proxies.no_proxy ?? undefined,
      },
    }),
    ...(mirrors.length > 0 && { sourceMirrors: new Map(mirrors) }),
  };
}

function parseAuthorities(
  byHost: ReadonlyMap<string, unknown>,
  problems: ConfigProblem[],
): Map<string, SourceAuthority[]> {
  return new Map([...byHost].map(([host, list]) => {
    const parsed = z.array(authority).safeParse(list);
    const at = { path: ["source_authorities", host], subject: `source_authorities."${host}"` };
    if (!parsed.success) problems.push(...problemsOf(parsed.error, at));
    return [host, parsed.data ?? []];
  }));
}
