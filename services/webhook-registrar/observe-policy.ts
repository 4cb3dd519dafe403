import { findCondition } from "../../contracts/conditions.ts";
import { messageOf } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { finalizer, ownedObjectName } from "../../contracts/names.ts";
import { parsePolicy, type Policy } from "../../contracts/policy.ts";
import { guardFor } from "./deadlock-guard.ts";
import { isInPlace } from "./drift.ts";
import type { PolicyFacts, ServerOfPolicy, Webhooks } from "./facts.ts";
import { isRefusal } from "./refusal.ts";
import { isRegistered, isServed, registrationFor } from "./registration.ts";
import { problemOf } from "./validity.ts";
import { isOwnedBy, webhookApiVersion, webhookKinds } from "./webhook.ts";
import { serverStatus, uniqueNameOf, type World } from "./world.ts";

/** Gathers what the plan for one policy looks at. */
export async function policyFacts(object: KubeObject, world: World, signal: AbortSignal): Promise<PolicyFacts> {
  const { policy, unreadable } = read(object);
  const cached = webhookKinds.map((kind) => world.webhooks[kind].get(uniqueNameOf(object)));
  const server = serverOfPolicy(world.servers.get(policy.spec.policyServer));
  const facts: PolicyFacts = {
    about: "policy",
    policy,
    namespace: world.namespace,
    owner: world.owner,
    controllers: world.controllers,
    server,
    guard: guardFor(policy, { unavailableSince: server?.unavailableSince, now: world.now() }),
    invalid: unreadable ?? problemOf(policy),
    ...sortedByOwner(policy, cached),
  };
  const seen = mayStandUnseen(facts)
    ? { ...facts, ...sortedByOwner(policy, await liveWebhooks(object, world, signal)) }
    : facts;
  const checked = { ...seen, deserted: await isDeserted(seen, world, signal) };
  return { ...checked, refusal: await refusalOf(checked, world, signal) };
}

/** One that no schema accepts any more is still let go when it goes away, and its webhook is kept until it is mended. */
function read(object: KubeObject): { policy: Policy; unreadable?: string } {
  const asIs = { ...object, spec: object.spec ?? {} } as unknown as Policy;
  if (object.metadata.deletionTimestamp !== undefined) return { policy: asIs };
  try {
    return { policy: parsePolicy(object) };
  } catch (error) {
    return { policy: asIs, unreadable: messageOf(error) };
  }
}

type Found = readonly (KubeObject | undefined)[];

function sortedByOwner(policy: Policy, found: Found): Pick<PolicyFacts, "webhooks" | "taken"> {
  const webhooks: Webhooks = {};
  const taken: PolicyFacts["taken"] = [];
  webhookKinds.forEach((kind, index) => {
    const webhook = found[index];
    if (webhook && isOwnedBy(webhook, policy)) webhooks[kind] = webhook;
    else if (webhook) taken.push(kind);
  });
  return { webhooks, taken };
}

/**
 * Whether no cache shows a webhook that may stand: it was just written, or its label was taken away. What stands is
 * repaired at once, what does not waits for its policy to be served; so only then the API server is asked.
 */
function mayStandUnseen(facts: PolicyFacts): boolean {
  const { policy, webhooks, taken } = facts;
  return Object.keys(webhooks).length === 0 && taken.length === 0 && !isServed(facts) &&
    (policy.status?.policyStatus === "active" || policy.metadata.finalizers?.includes(finalizer) === true);
}

async function liveWebhooks(object: KubeObject, { kube }: World, signal: AbortSignal): Promise<Found> {
  const name = uniqueNameOf(object);
  return await Promise.all(
    webhookKinds.map((kind) => kube.get({ apiVersion: webhookApiVersion, kind, name }, { signal })),
  );
}

/**
 * Whether the gate stands open on a word that has aged: the reconciler was away while the server's pods went. Asked only
 * for a webhook that does not stand yet, as after an emergency in which all of them were taken away. A Deployment that is
 * not there at all is the reconciler's to judge.
 */
async function isDeserted(facts: PolicyFacts, { kube, namespace }: World, signal: AbortSignal): Promise<boolean> {
  const { server } = facts;
  if (!server || registrationFor(facts).to !== "register" || isRegistered(facts)) return false;
  const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace, name: ownedObjectName(server.name) };
  const deployment = await kube.get(ref, { signal });
  const { readyReplicas = 0 } = (deployment?.status ?? {}) as { readyReplicas?: number };
  return deployment !== undefined && readyReplicas === 0;
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
  const { name, uid = "", deletionTimestamp } = server.metadata;
  return {
    name,
    uid,
    terminating: deletionTimestamp !== undefined,
    unavailableSince: unavailableSince(server),
    caBundle: serverStatus(server).caBundle,
  };
}

/** Since when nobody answers for a server, in the words of the reconciler; undefined while somebody does, or nothing is known. */
export function unavailableSince(server: KubeObject): string | undefined {
  const available = findCondition(server, "Available");
  return available?.status === "False" ? available.lastTransitionTime : undefined;
}
