import { findCondition } from "../../contracts/conditions.ts";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import type { ServerFacts } from "./facts.ts";
import { entriesOf, nameRefOf, webhookApiVersion, webhookKinds } from "./webhook.ts";
import { callsServer, serverStatus, type World } from "./world.ts";

/** Gathers what the plan for one PolicyServer looks at. */
export async function serverFacts(server: KubeObject, world: World, signal: AbortSignal): Promise<ServerFacts> {
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

function isRefused(policy: KubeObject): boolean {
  const active = findCondition(policy, "PolicyActive");
  return active?.reason === "WebhookRefused" && active.observedGeneration === policy.metadata.generation;
}
