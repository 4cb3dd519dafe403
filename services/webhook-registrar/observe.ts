import { annotations, apiVersion, type PolicyKind, uniqueName } from "../../contracts/names.ts";
import type { Observed } from "./facts.ts";
import { type Key, serverNameOf, serversCalledBy } from "./keys.ts";
import { policyFacts } from "./observe-policy.ts";
import { serverFacts } from "./observe-server.ts";
import { webhookKinds } from "./webhook.ts";
import type { World } from "./world.ts";

/** Gathers what is known about one key, from caches; the API server is asked where a cache could be too late. */
export async function observe(key: Key, world: World, signal: AbortSignal): Promise<Observed> {
  if (key.kind === "PolicyServer") {
    const server = world.servers.get(key.name);
    return server ? await serverFacts(server, world, signal) : { about: "nothing" };
  }
  const policy = world.policies[key.kind].get(key.name, key.namespace);
  return policy
    ? await policyFacts(policy, world, signal)
    : await orphanFacts({ ...key, kind: key.kind }, world, signal);
}

/** The PolicyServer that a key belongs to: servers and their policies are one share of the work. */
export function serverOfKey(
  { kind, name, namespace }: Key,
  { policies, webhooks }: Pick<World, "policies" | "webhooks">,
): string {
  if (kind === "PolicyServer") return name;
  const policy = policies[kind].get(name, namespace);
  if (policy) return serverNameOf(policy);
  // A policy that is gone: only a webhook that it left is of interest.
  const unique = uniqueName(kind, { name, namespace });
  const [server] = webhookKinds.flatMap((each) => {
    const webhook = webhooks[each].get(unique);
    return webhook ? serversCalledBy(webhook) : [];
  });
  return server ?? unique;
}

/** Webhooks of a policy that is gone. Asked live: the policies' cache may be behind that of the webhooks. */
async function orphanFacts(
  { kind, name, namespace }: Key & { kind: PolicyKind },
  { kube, webhooks, policiesNamed }: World,
  signal: AbortSignal,
): Promise<Observed> {
  const unique = uniqueName(kind, { name, namespace });
  const found = webhookKinds.map((each) => webhooks[each].get(unique)).filter((each) =>
    each?.metadata.annotations?.[annotations.policyName] === name &&
    (each.metadata.annotations[annotations.policyNamespace] ?? "") === (namespace ?? "")
  ).filter((each) => each !== undefined);
  if (found.length === 0 || policiesNamed.get(unique).length > 0) return { about: "nothing" };
  if (await kube.get({ apiVersion, kind, name, namespace }, { signal })) return { about: "nothing" };
  return { about: "orphan", kind, webhooks: found };
}
