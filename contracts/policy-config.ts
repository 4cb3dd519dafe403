// pure
import { z } from "zod";
import { issuesOf } from "./custom-resource.ts";
import { KubewardenError } from "./errors.ts";
import { isRawNumber } from "./json.ts";
import { anyObject } from "./kubernetes-schema.ts";

/**
 * `policies.yml` and `sources.yml`: what the reconciler writes (policy-config-writer.ts) and the policy-server reads.
 * Source: reference/policy-server.md 1.4 and 1.5.
 */
export const policiesFileName = "policies.yml";
export const sourcesFileName = "sources.yml";

// null and absent mean "no settings"; anything else that is no object fails.
const settings = anyObject.nullish().transform((value) => value ?? {});
const contextAwareResource = z.object({ apiVersion: z.string(), kind: z.string() });
const seconds = z.int().min(0);

const runnable = {
  module: z.string(),
  settings,
  contextAwareResources: z.array(contextAwareResource).nullish().transform((list) => withoutDuplicates(list ?? [])),
  timeoutEvalSeconds: seconds.nullish().transform((value) => value ?? undefined),
  hostCapabilities: z.array(z.string()).default([]),
};
const policyMode = z.enum(["protect", "monitor"]).default("protect");

const member = z.strictObject(runnable);
const single = z.object({
  ...runnable,
  policyMode,
  allowedToMutate: z.boolean().nullish().transform((value) => value ?? false),
  message: z.string().nullish().transform((value) => value ?? undefined),
});
const group = z.object({
  policyMode,
  policies: z.custom<Record<string, unknown>>((value) => anyObject.safeParse(value).success, "expected a map"),
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

/** Reads the parsed text of policies.yml. Throws `POLICIES_FILE_INVALID` naming the policy and the field. */
export function parsePoliciesFile(value: unknown): PoliciesFile {
  return new Map(
    entriesOf(value, "policies file").map(([id, entry]) => {
      if (id.includes("/")) throw invalid(`policy name '${id}' contains a '/' character`);
      return [id, parseEntry(id, entry)];
    }),
  );
}

/** An entry that reads as a policy is one; otherwise it must read as a group. */
function parseEntry(id: string, value: unknown): PolicyEntry {
  const asPolicy = single.safeParse(value);
  if (asPolicy.success) return { kind: "policy", ...asPolicy.data };
  const asGroup = group.safeParse(value);
  if (!asGroup.success) {
    const looksLikePolicy = anyObject.safeParse(value).success && Object.hasOwn(value as object, "module");
    throw invalid(`policy '${id}': ${issuesOf(looksLikePolicy ? asPolicy.error : asGroup.error)}`);
  }
  const members = Object.entries(asGroup.data.policies);
  const badNames = members.map(([name]) => name).filter((name) => name.includes("/"));
  if (badNames.length > 0) {
    const list = badNames.map((name) => JSON.stringify(name)).join(", ");
    throw invalid(`policy group '${id}' contains policies with invalid names: [${list}]`);
  }
  const policies = new Map(members.map(([name, each]) => {
    const parsed = member.safeParse(each);
    if (!parsed.success) throw invalid(`policy group '${id}', member '${name}': ${issuesOf(parsed.error)}`);
    return [name, parsed.data];
  }));
  return { kind: "group", ...asGroup.data, policies };
}

function withoutDuplicates(list: z.output<typeof contextAwareResource>[]): z.output<typeof contextAwareResource>[] {
  return [...new Map(list.map((each) => [`${each.apiVersion}/${each.kind}`, each])).values()];
}

function entriesOf(value: unknown, what: string): [string, unknown][] {
  if (!anyObject.safeParse(value).success) throw invalid(`${what}: expected a map of policies by name`);
  return Object.entries(value as Record<string, unknown>);
}

function invalid(reason: string): KubewardenError {
  return new KubewardenError("POLICIES_FILE_INVALID", reason);
}

const authority = z.discriminatedUnion("type", [
  z.object({ type: z.literal("Path"), path: z.string() }),
  z.object({ type: z.literal("Data"), data: z.union([z.string(), z.array(z.int().min(0).max(255))]) }),
]);
const sources = z.object({
  insecure_sources: z.array(z.string()).nullish().transform((list) => list ?? []),
  source_authorities: z.custom<Record<string, unknown>>(
    (value) => anyObject.safeParse(value).success,
    "expected a map of authorities by host",
  ).nullish().transform((value) => new Map(Object.entries(value ?? {}))),
  proxies: z.object({
    http_proxy: z.string().nullish(),
    https_proxy: z.string().nullish(),
    no_proxy: z.string().nullish(),
  }).nullish().transform((value) => value ?? undefined),
});

export type SourceAuthority = z.output<typeof authority>;
export type SourcesFile = {
  insecureSources: Set<string>;
  /** By `host` or `host:port`, as written. */
  sourceAuthorities: Map<string, SourceAuthority[]>;
  proxies?: { httpProxy?: string; httpsProxy?: string; noProxy?: string };
};

/** No sources configured. */
export const noSources: SourcesFile = { insecureSources: new Set(), sourceAuthorities: new Map() };

/** Reads the parsed text of sources.yml. Throws `SOURCES_FILE_INVALID` naming the field. */
export function parseSourcesFile(value: unknown): SourcesFile {
  const fail = (error: z.ZodError, at = "") => new KubewardenError("SOURCES_FILE_INVALID", `${at}${issuesOf(error)}`);
  const parsed = sources.safeParse(isRawNumber(value) ? undefined : value ?? {});
  if (!parsed.success) throw fail(parsed.error);
  const { insecure_sources, source_authorities, proxies } = parsed.data;
  const sourceAuthorities = new Map([...source_authorities].map(([host, list]) => {
    const authorities = z.array(authority).safeParse(list);
    if (!authorities.success) throw fail(authorities.error, `source_authorities."${host}": `);
    return [host, authorities.data];
  }));
  return {
    insecureSources: new Set(insecure_sources),
    sourceAuthorities,
    ...(proxies && {
      proxies: {
        httpProxy: proxies.http_proxy ?? undefined,
        httpsProxy: proxies.https_proxy ?? undefined,
        noProxy: proxies.no_proxy ?? undefined,
      },
    }),
  };
}
