import { parseJson, stringifyJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";

type Resource = { name: string; kind: string; verbs: string[] };

/** Everything the cluster holds but Events, as `kind namespace/name -> object`, without what differs between equal runs. */
export async function dumpOf(kube: Kube, signal: AbortSignal): Promise<Record<string, unknown>> {
  const dump: Record<string, unknown> = {};
  for (const { apiVersion, kind } of await listableKinds(kube, signal)) {
    const { items } = await kube.list({ apiVersion, kind }, { signal });
    for (const item of items) {
      if (countsTheWay.has(kind)) {
        delete item.metadata.generation;
        delete (item.status as { observedGeneration?: number } | undefined)?.observedGeneration;
      }
      if (isHistory(item)) continue;
      const object = normalized(item) as KubeObject;
      const { namespace, name } = object.metadata;
      dump[`${apiVersion} ${kind} ${namespace ? `${namespace}/` : ""}${name}`] = object;
    }
  }
  return Object.fromEntries(Object.entries(dump).sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * Kinds whose generation counts steps on the way and says nothing of the end: a slice's, how often pods came, went and
 * became ready; a ReplicaSet's, in how many steps a roll-out scaled it; a Deployment's, in how many roll-outs several
 * changes at a time arrived. All of them differ between undisturbed runs.
 */
const countsTheWay = new Set(["Deployment", "EndpointSlice", "ReplicaSet"]);

/** What a Deployment keeps of former roll-outs. */
function isHistory({ kind, spec }: KubeObject): boolean {
  return kind === "ReplicaSet" && (spec as { replicas?: number }).replicas === 0;
}

/** Where two dumps differ, one line a place; empty when they are equal. */
export function differences(expected: Record<string, unknown>, found: Record<string, unknown>): string[] {
  const lines: string[] = [];
  for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    if (!(key in found)) lines.push(`${key}: missing`);
    else if (!(key in expected)) lines.push(`${key}: should not be there`);
    else compare(expected[key], found[key], key, lines);
  }
  return lines;
}

function compare(expected: unknown, found: unknown, path: string, lines: string[]): void {
  if (stringifyJson(expected) === stringifyJson(found)) return;
  if (isMap(expected) && isMap(found)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
      compare(expected[key], found[key], `${path}.${key}`, lines);
    }
  } else {
    const text = (value: unknown) => (stringifyJson(value) ?? "nothing").slice(0, 300);
    lines.push(`${path}: ${text(found)} instead of ${text(expected)}`);
  }
}

async function listableKinds(kube: Kube, signal: AbortSignal): Promise<{ apiVersion: string; kind: string }[]> {
  const read = async (path: string) => parseJson((await kube.request("GET", path, { signal })).body);
  const groups = (await read("/apis") as { groups: { preferredVersion: { groupVersion: string } }[] }).groups;
  const versions = ["v1", ...groups.map((group) => group.preferredVersion.groupVersion)];
  const kinds = [];
  for (const apiVersion of versions) {
    const path = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
    const { resources } = await read(path) as { resources: Resource[] };
    for (const { name, kind, verbs } of resources) {
      if (!name.includes("/") && verbs.includes("list") && kind !== "Event") kinds.push({ apiVersion, kind });
    }
  }
  return kinds;
}

/** Keys whose values are identities, times, addresses, or made of random key material. */
const volatile =
  /^(uid|policyServerUid|configVersion|resourceVersion|managedFields|.*Time(stamp)?|startedAt|finishedAt|caBundle|trustedCaDigest|holderIdentity|leaseTransitions|podIPs?|hostIPs?|addresses|ip|containerID|clusterIPs?|ports|deployment\.kubernetes\.io\/revision|kubewarden-edge\.io\/policy-server-uid)$/;
/** What a killed container leaves behind on its own Pod. */
const marksOfTheKill = /^(restartCount|lastState)$/;

function normalized(value: unknown, path: string[] = []): unknown {
  if (Array.isArray(value)) return inFixedOrder(value.map((each) => normalized(each, path)));
  if (!isMap(value)) return typeof value === "string" ? withoutRandomText(value) : value;
  const secret = value.kind === "Secret" && path.length === 0;
  const kept = Object.entries(value).flatMap(([key, each]): [string, unknown][] => {
    if (volatile.test(key) && !isPartOfSpec(path, key)) return [];
    if (marksOfTheKill.test(key)) return [];
    if (secret && key === "data") return [[key, Object.keys(each as object).sort()]];
    return [[key, normalized(each, [...path, key])]];
  });
  return Object.fromEntries(kept.sort(([a], [b]) => a < b ? -1 : 1));
}

/** The ports of a Service or container are wishes; those of endpoints are where random pods happen to listen. */
function isPartOfSpec(path: string[], key: string): boolean {
  return key === "ports" && path[0] === "spec";
}

/** Names of Pods end in five random letters after the hash of their template; messages name times; PEM is key material. */
function withoutRandomText(text: string): string {
  return text
    .replace(/-([0-9a-z]{8,10})-[0-9a-z]{5}(?![0-9a-z])/g, "-$1-*")
    .replace(/\bkube-api-access-[0-9a-z]{5}\b/g, "kube-api-access-*")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replace(/-----BEGIN [A-Z ]+-----[\s\S]*-----END [A-Z ]+-----/g, "<pem>");
}

/** Conditions are a map by type that is written as a list: its order is that of whoever wrote first. */
function inFixedOrder(list: unknown[]): unknown[] {
  const typeOf = (each: unknown) =>
    isMap(each) && typeof each.type === "string" && "status" in each ? each.type : undefined;
  if (list.some((each) => typeOf(each) === undefined)) return list;
  return list.sort((a, b) => String(typeOf(a)) < String(typeOf(b)) ? -1 : 1);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
