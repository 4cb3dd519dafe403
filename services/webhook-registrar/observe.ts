import { findCondition } from "../../contracts/conditions.ts";
import { KubewardenError } from "../../contracts/errors.ts";
import { type KubeObject, ownerReferenceTo, refOf } from "../../contracts/kubernetes.ts";
import { annotations, apiVersion, ownedObjectName, type PolicyKind, uniqueName } from "../../contracts/names.ts";
import { parsePolicy, type Policy } from "../../contracts/policy.ts";
import type { PolicyServerStatus } from "../../contracts/policy-server.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import type { Kube } from "../../runtime/kube.ts";
import type { ObjectIndex } from "../../runtime/object-index.ts";
import { isInPlace } from "./drift.ts";
import type { Observed, PolicyFacts, ServerFacts, ServerOfPolicy, Webhooks } from "./facts.ts";
import { type Key, serverNameOf, serversCalledBy } from "./keys.ts";
import { registrationFor } from "./registration.ts";
import { entriesOf, isOwnedBy, nameRefOf, webhookApiVersion, webhookKinds } from "./webhook.ts";

/** Where objects come from: the part of a `WatchCache` that reading needs. */
export type ObjectSource = {
  list(): readonly KubeObject[];
  get(name: string, namespace?: string): KubeObject | undefined;
};

export type World = {
  kube: Kube;
  fieldManager: string;
  /** The deployments namespace. */
  namespace: string;
  /** User names of our controllers. */
  controllers: readonly string[];
  servers: ObjectSource;
  policies: Record<PolicyKind, ObjectSource>;
  webhooks: Record<(typeof webhookKinds)[number], ObjectSource>;
  /** Policies of all kinds by unique name. */
  policiesNamed: ObjectIndex;
  /** Webhook configurations of both kinds by the PolicyServers they call. */
  webhooksOf: ObjectIndex;
};

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
export function serverOfKey({ kind, name, namespace }: Key, { policies, webhooks }: World): string {
  if (kind === "PolicyServer") return name;
  const policy = policies[kind].get(name, namespace);
  if (policy) return serverNameOf(policy);
  // A policy that is gone: only a webhook that it left is of interest.
  const unique = uniqueName(kind, { name, namespace });
  const [server] = webhookKinds.flatMap((each) => serversCalledBy(webhooks[each].get(unique)));
  return server ?? unique;
}

/** Whether the API server judged the object, or our right to write it; anything else is worth another try. */
export function isRefusal(error: unknown): error is KubewardenError {
  return error instanceof KubewardenError && ["KUBE_INVALID", "KUBE_FORBIDDEN"].includes(error.code);
}

/** Whether a webhook configuration calls the Service of a policy server. */
export function callsServer(configuration: KubeObject, server: string, namespace: string): boolean {
  return entriesOf(configuration).some(({ clientConfig: { service } }) =>
    service?.namespace === namespace && service.name === ownedObjectName(server)
  );
}

/** The unique name of a policy of any kind. */
export function uniqueNameOf({ kind, metadata }: KubeObject): string {
  return uniqueName(kind as PolicyKind, metadata);
}

async function policyFacts(object: KubeObject, world: World, signal: AbortSignal): Promise<PolicyFacts> {
  // One that is going away is let go even if a newer CRD would not accept it any more.
  const terminating = object.metadata.deletionTimestamp !== undefined;
  const policy = terminating ? object as unknown as Policy : parsePolicy(object);
  const found = webhookKinds.map((kind) => ({ kind, webhook: world.webhooks[kind].get(uniqueNameOf(object)) }));
  const webhooks: Webhooks = {};
  for (const { kind, webhook } of found) if (webhook && isOwnedBy(webhook, policy)) webhooks[kind] = webhook;
  const facts: PolicyFacts = {
    about: "policy",
    policy,
    namespace: world.namespace,
    controllers: world.controllers,
    server: serverOfPolicy(world.servers.get(policy.spec.policyServer)),
    webhooks,
    taken: found.filter(({ webhook }) => webhook && !isOwnedBy(webhook, policy)).map(({ kind }) => kind),
  };
  return { ...facts, refusal: await refusalOf(facts, world, signal) };
}

/**
 * What the API server says against the webhook it would get, tried without effect. Selectors, rules and CEL expressions
 * are judged there; a refusal belongs into the policy's status, not into a retry.
 */
async function refusalOf(
  facts: PolicyFacts,
  { kube, fieldManager }: World,
  signal: AbortSignal,
): Promise<string | undefined> {
  const registration = registrationFor(facts);
  if (registration.to !== "register") return undefined;
  const { desired } = registration;
  if (isInPlace(desired, Object.values(facts.webhooks).find(({ kind }) => kind === desired.kind))) return undefined;
  try {
    await kube.apply(desired, { fieldManager, force: true, dryRun: true, signal });
    return undefined;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return error.message;
  }
}

function serverOfPolicy(server: KubeObject | undefined): ServerOfPolicy | undefined {
  if (!server) return undefined;
  const { name, creationTimestamp, deletionTimestamp } = server.metadata;
  return {
    name,
    owner: ownerReferenceTo(server),
    createdAt: creationTimestamp,
    terminating: deletionTimestamp !== undefined,
    caBundle: serverStatus(server).caBundle,
  };
}

async function serverFacts(server: KubeObject, world: World, signal: AbortSignal): Promise<ServerFacts> {
  const { uid = "", name, generation, deletionTimestamp } = server.metadata;
  const { caBundle, trustedCaDigest } = serverStatus(server);
  const terminating = deletionTimestamp !== undefined;
  const registered = world.webhooksOf.get(name)
    .filter((each) => callsServer(each, name, world.namespace))
    .flatMap((each) => {
      const policy = world.policiesNamed.get(each.metadata.name).at(-1);
      if (!policy) return []; // Removed under its own key; see orphanFacts.
      const bundles = entriesOf(each).map(({ clientConfig }) => clientConfig.caBundle ?? "");
      return [{ name: each.metadata.name, bundles, refused: isRefused(policy) }];
    });
  return {
    about: "server",
    target: { ...refOf(server), uid },
    generation,
    terminating,
    bundle: caBundle === undefined ? undefined : { digest: sha256Hex(caBundle), base64: btoa(caBundle) },
    trustedCaDigest,
    registered,
    remaining: terminating ? await remainingWebhooks(server, world, signal) : undefined,
  };
}

/** Asked live: a webhook that was just written may be in no cache yet, and its server is about to be released. */
async function remainingWebhooks(server: KubeObject, { kube, namespace }: World, signal: AbortSignal) {
  const lists = await Promise.all(
    webhookKinds.map((kind) => kube.list({ apiVersion: webhookApiVersion, kind }, { signal })),
  );
  return lists.flatMap(({ items }) => items).filter((each) =>
    callsServer(each, server.metadata.name, namespace) ||
    each.metadata.ownerReferences?.some(({ uid }) => uid === server.metadata.uid)
  ).map(nameRefOf);
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

function isRefused(policy: KubeObject): boolean {
  const active = findCondition(policy, "PolicyActive");
  return active?.reason === "WebhookRefused" && active.observedGeneration === policy.metadata.generation;
}

function serverStatus(server: KubeObject): PolicyServerStatus {
  return server.status as PolicyServerStatus | undefined ?? {};
}
