// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations, type PolicyKind, policyKindNames, policyKinds, uniqueName } from "../../contracts/names.ts";
import { policyKey } from "../../contracts/policy-checks.ts";
import { entriesOf } from "./webhook.ts";

/** What one pass is about: a PolicyServer or a policy. */
export type Key = { kind: "PolicyServer" | PolicyKind; name: string; namespace?: string };

/** The key of a PolicyServer. */
export function serverKey(name: string): string {
  return policyKey({ kind: "PolicyServer", metadata: { name } });
}

/** Whether a key is that of a policy. */
export function isPolicyKey(text: string): boolean {
  return parseKey(text).kind !== "PolicyServer";
}

/** Reads what `policyKey` or `serverKey` wrote. */
export function parseKey(text: string): Key {
  const [kind = "", namespace = "", name = ""] = text.split("/");
  return { kind: kind as Key["kind"], name, ...(namespace ? { namespace } : {}) };
}

/** A policy, and its server: a refused webhook must not hold back the server's digest. */
export function keysForPolicy(policy: KubeObject): string[] {
  return [policyKey(policy), serverKey(serverNameOf(policy))];
}

/**
 * The policies that bear a configuration's name, the one its annotations name (it may be gone), and the servers it calls.
 */
export function keysForWebhook(configuration: KubeObject, bearers: readonly KubeObject[]): string[] {
  const servers = serversCalledBy(configuration).map(serverKey);
  return [...new Set([...bearers.map(policyKey), ...annotatedKeys(configuration), ...servers])];
}

/** Names of the PolicyServers whose Service a configuration calls, going by the Service's name. */
export function serversCalledBy(configuration: KubeObject | undefined): string[] {
  const services = (configuration ? entriesOf(configuration) : []).map(({ clientConfig }) =>
    clientConfig.service?.name ?? ""
  );
  return services.filter((each) => each.startsWith(serverPrefix)).map((each) => each.slice(serverPrefix.length));
}

const serverPrefix = "policy-server-";

/** A kind is not among the annotations, but only one makes this unique name of them. */
function annotatedKeys({ metadata }: KubeObject): string[] {
  const name = metadata.annotations?.[annotations.policyName];
  const namespace = metadata.annotations?.[annotations.policyNamespace] || undefined;
  if (name === undefined) return [];
  return policyKindNames.filter((kind) =>
    policyKinds[kind].namespaced === (namespace !== undefined) &&
    uniqueName(kind, { name, namespace }) === metadata.name
  ).map((kind) => policyKey({ kind, metadata: { name, namespace } }));
}

/** The PolicyServer that a policy names. */
export function serverNameOf(policy: KubeObject): string {
  return (policy.spec as { policyServer?: string } | undefined)?.policyServer ?? "";
}
