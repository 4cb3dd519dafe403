// pure
import { messageOf } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { defaultPolicyServerName, type PolicyKind, uniqueName } from "../../contracts/names.ts";
import { parsePolicy, type Policy } from "../../contracts/policy.ts";
import { nameCollisions, type PolicyFinding, policyFinding, policyKey } from "../../contracts/policy-checks.ts";
import { policiesFileFrom, policyEntryFor, sourcesFileFor } from "../../contracts/policy-config-writer.ts";
import type { PolicyServer } from "../../contracts/policy-server.ts";
import { type ConfigFiles, configVersionOf } from "./desired/config-map.ts";
import { type ConfigEntries, entriesIn } from "./entries.ts";

/** Both files as they should be, and what became of every policy. */
export type Configuration = {
  files: ConfigFiles;
  version: string;
  entries: ConfigEntries;
  /** Why a policy's present generation is left out, by `policyKey`; its last good entry may still be in. */
  findings: ReadonlyMap<string, PolicyFinding>;
};

type Facts = {
  /** Policies bound to this server, terminating ones included: they are served until they are gone. */
  policies: readonly KubeObject[];
  /** Policies of other servers that claim a unique name of one of these. */
  rivals: readonly KubeObject[];
  /** What the policy server runs with now. */
  lastGood: ConfigEntries;
};

/** The configuration of a policy server. Throws nothing: what is wrong with one policy is a finding about that policy. */
export function configurationFor(
  server: PolicyServer,
  { policies, rivals, lastGood }: Facts,
  sha256Hex: (text: string) => string,
): Configuration {
  // A policy that cannot be read still claims its name, so collisions look at names alone.
  const collisions = nameCollisions([...policies, ...rivals] as unknown as Policy[]);
  const findings = new Map<string, PolicyFinding>();
  const entries: [string, string][] = [];
  for (const object of policies) {
    const key = policyKey(object);
    const unique = uniqueNameOf(object);
    const result = read(object);
    const finding = collisions.get(key) ?? result.finding;
    if (finding) findings.set(key, finding);
    if (!finding && result.policy) entries.push([unique, policyEntryFor(result.policy, server.spec)]);
    const kept = finding && !collisions.has(key) ? lastGood.get(unique) : undefined;
    if (kept && isEntryOf(kept, object)) entries.push([unique, kept.text]);
  }
  const policiesFile = policiesFileFrom(entries);
  const files = { "policies.yml": policiesFile, "sources.yml": sourcesFileFor(server.spec) };
  return { files, version: configVersionOf(files, sha256Hex), entries: entriesIn(policiesFile), findings };
}

/** The unique name of a policy object of any kind. */
export function uniqueNameOf({ kind, metadata }: KubeObject): string {
  return uniqueName(kind as PolicyKind, metadata);
}

/** Name of the PolicyServer that a policy object of any kind is bound to; empty for none. */
export function policyServerOf({ spec }: KubeObject): string {
  return (spec as { policyServer?: string } | undefined)?.policyServer ?? defaultPolicyServerName;
}

/** Whether the policy, taken by itself, is left out of the configuration or kept in its last good form. */
export function isInvalid(object: KubeObject): boolean {
  return read(object).finding !== undefined;
}

function read(object: KubeObject): { policy?: Policy; finding?: PolicyFinding } {
  try {
    const policy = parsePolicy(object);
    const finding = policyFinding(policy);
    return finding ? { finding } : { policy };
  } catch (error) {
    return { finding: { reason: "PolicyInvalid", message: messageOf(error) } };
  }
}

/** Two policies may share a unique name, one after the other. */
function isEntryOf(entry: { namespace: string; name: string }, { metadata }: KubeObject): boolean {
  return entry.name === metadata.name && entry.namespace === (metadata.namespace ?? "");
}
