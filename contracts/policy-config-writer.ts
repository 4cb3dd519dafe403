// pure
import { isRawNumber, parseJson, stringifyJson } from "./json.ts";
import { uniqueName } from "./names.ts";
import { isNamespacedPolicy, isPolicyGroup, type Policy, type PolicyGroupMember } from "./policy.ts";
import type { PolicyServerSpec } from "./policy-server.ts";

type Fields = Record<string, unknown>;

/**
 * The text of policies.yml: compact JSON, names sorted, fields in upstream's order, Go's HTML escapes, settings as the
 * API server holds them. Equal input gives equal bytes. Source: reference/controller.md 3.4.
 */
export function policiesFileFor(
  policies: readonly Policy[],
  server: Pick<PolicyServerSpec, "namespacedPoliciesCapabilities">,
): string {
  return policiesFileFrom(
    policies.map((policy) => [uniqueName(policy.kind, policy.metadata), policyEntryFor(policy, server)]),
  );
}

/** The text of policies.yml from the texts of its entries, by unique name. */
export function policiesFileFrom(entries: Iterable<readonly [string, string]>): string {
  return mapText([...entries]);
}

/** The texts of the entries of a policies.yml written here: an entry that did not change has equal bytes. */
export function policyEntryTexts(policiesFile: string): Map<string, string> {
  const runnableText = (runnable: Fields) =>
    objectText(
      Object.entries(runnable).map(([key, value]) => [
        key,
        jsonText(value, key === "settings" ? keysSorted : keysAsTheyStand),
      ]),
    );
  const entries = Object.entries(parseJson(policiesFile) as Record<string, Fields>);
  return new Map(entries.map(([id, { policies, ...rest }]) => {
    if (policies === undefined) return [id, runnableText(rest)];
    const members = Object.entries(policies as Record<string, Fields>);
    const { namespacedName, policyMode, expression, message } = rest;
    return [
      id,
      objectText([
        ["namespacedName", jsonText(namespacedName, keysAsTheyStand)],
        ["policyMode", jsonText(policyMode)],
        ["policies", mapText(members.map(([name, each]) => [name, runnableText(each)]))],
        ["expression", jsonText(expression)],
        ["message", jsonText(message)],
      ]),
    ];
  }));
}

/** The text of sources.yml; `{}` when the server configures no sources. */
export function sourcesFileFor({ insecureSources = [], sourceAuthorities = {} }: Pick<
  PolicyServerSpec,
  "insecureSources" | "sourceAuthorities"
>): string {
  const authorities = Object.entries(sourceAuthorities).map(([host, pems]): [string, string] => [
    host,
    jsonText(pems.map((data) => ({ type: "Data", data })), keysAsTheyStand),
  ]);
  return objectText([
    ["insecure_sources", insecureSources.length > 0 && jsonText(insecureSources)],
    ["source_authorities", authorities.length > 0 && mapText(authorities)],
  ]);
}

/** The text of one entry. */
export function policyEntryFor(
  policy: Policy,
  server: Pick<PolicyServerSpec, "namespacedPoliciesCapabilities">,
): string {
  const { name, namespace = "" } = policy.metadata;
  const capabilities = isNamespacedPolicy(policy) ? server.namespacedPoliciesCapabilities ?? ["*"] : ["*"];
  const namespacedName = jsonText({ Namespace: namespace, Name: name }, keysAsTheyStand);
  if (isPolicyGroup(policy)) {
    const { mode, policies, expression, message } = policy.spec;
    const members = Object.entries(policies).map(([member, spec]): [string, string] => [
      member,
      memberText(spec, capabilities),
    ]);
    return objectText([
      ["namespacedName", namespacedName],
      ["policyMode", jsonText(mode)],
      ["policies", mapText(members)],
      ["expression", jsonText(expression)],
      ["message", jsonText(message)],
    ]);
  }
  const { module, mode, mutating, contextAwareResources, settings, message, timeoutEvalSeconds } = policy.spec;
  return objectText([
    ["namespacedName", namespacedName],
    ["module", jsonText(module)],
    ["policyMode", jsonText(mode)],
    ["allowedToMutate", jsonText(mutating)],
    ["contextAwareResources", resourcesText(contextAwareResources)],
    ["settings", jsonText(settings ?? null)],
    ["message", message !== undefined && message !== "" && jsonText(message)],
    ["timeoutEvalSeconds", timeoutEvalSeconds !== undefined && jsonText(timeoutEvalSeconds)],
    ["hostCapabilities", jsonText(capabilities)],
  ]);
}

function memberText(member: PolicyGroupMember, capabilities: readonly string[]): string {
  const { module, settings, contextAwareResources, timeoutEvalSeconds } = member;
  return objectText([
    ["module", jsonText(module)],
    ["settings", jsonText(settings ?? null)],
    ["contextAwareResources", resourcesText(contextAwareResources)],
    ["timeoutEvalSeconds", timeoutEvalSeconds !== undefined && jsonText(timeoutEvalSeconds)],
    ["hostCapabilities", jsonText(capabilities)],
  ]);
}

function resourcesText(resources: PolicyGroupMember["contextAwareResources"]): string | false {
  if (resources === undefined || resources.length === 0) return false;
  return jsonText(resources.map(({ apiVersion, kind }) => ({ apiVersion, kind })), keysAsTheyStand);
}

/** A JSON object of texts, in the order given; a field whose text is false is left out. */
function objectText(fields: readonly (readonly [string, string | false])[]): string {
  return `{${fields.flatMap(([key, text]) => (text === false ? [] : [`${stringText(key)}:${text}`])).join(",")}}`;
}

function mapText(entries: readonly (readonly [string, string])[]): string {
  return objectText(entries.toSorted(([a], [b]) => byCodePoint(a, b)));
}

const keysSorted = (keys: string[]): string[] => keys.sort(byCodePoint);
const keysAsTheyStand = (keys: string[]): string[] => keys;

/** JSON as Go's encoding/json writes it: keys of any object sorted, unless told otherwise. */
function jsonText(value: unknown, order = keysSorted): string {
  if (Array.isArray(value)) return `[${value.map((item) => jsonText(item, order)).join(",")}]`;
  if (typeof value === "object" && value !== null && !isRawNumber(value)) {
    const object = value as Fields;
    return objectText(order(Object.keys(object)).map((key) => [key, jsonText(object[key], order)]));
  }
  return typeof value === "string" ? stringText(value) : stringifyJson(value);
}

/** Go escapes what could end a script element, and the two line separators of Unicode. */
function stringText(text: string): string {
  return stringifyJson(text).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Go sorts by bytes of UTF-8, which is the order of code points; JavaScript's own order is that of UTF-16. */
function byCodePoint(a: string, b: string): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const difference = (a.codePointAt(index) ?? 0) - (b.codePointAt(index) ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
