import { findCondition } from "../../contracts/conditions.ts";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import type { ServerFacts } from "./facts.ts";
import { entriesOf, isOfServer, nameRefOf, webhookApiVersion, webhookKinds } from "./webhook.ts";
import { callsServer, serverStatus, type World } from "./world.ts";

/** Gathers what the plan for one PolicyServer looks at. */
export async function serverFacts(server: KubeObject, world: World, signal: AbortSignal): Promise<ServerFacts> {
  const { uid = "", name, generation, deletionTimestamp } = server.metadata;
  const { caBundle, trustedCaDigest } = serverStatus(server);
  const terminating = deletionTimestamp !== undefined;
  // A pass over a policy that began before the deletion was seen may be about to write its webhook; later ones are not.
  if (terminating) await world.policyPassesEnded();
  const bundle = caBundle === undefined ? undefined : { digest: sha256Hex(caBundle), base64: btoa(caBundle) };
  // A webhook that was just written, or lost its label, is in no cache: nothing is confirmed, and no server released, by
  // what a cache says.
  const asksMore = terminating || (bundle !== undefined && bundle.digest !== trustedCaDigest);
  const webhooks = asksMore ? await liveWebhooks(world, signal) : world.webhooksOf.get(name);
  const registered = webhooks.filter((each) => callsServer(each, name, world.namespace)).flatMap((each) => {
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
    bundle,
    trustedCaDigest,
    registered,
    remaining: terminating
      ? webhooks.filter((each) => concerns(each, server, world.namespace)).map(nameRefOf)
      : undefined,
  };
}

async function liveWebhooks({ kube }: World, signal: AbortSignal): Promise<KubeObject[]> {
  const lists = await Promise.all(
    webhookKinds.map((kind) => kube.list({ apiVersion: webhookApiVersion, kind }, { signal })),
  );
  return lists.flatMap(({ items }) => items);
}

/** Whether a configuration calls a server, or was registered for it. */
function concerns(configuration: KubeObject, { metadata }: KubeObject, namespace: string): boolean {
  return callsServer(configuration, metadata.name, namespace) || isOfServer(configuration, metadata.uid ?? "");
}

function isRefused(policy: KubeObject): boolean {
  const active = findCondition(policy, "PolicyActive");
  return active?.reason === "WebhookRefused" && active.observedGeneration === policy.metadata.generation;
}
