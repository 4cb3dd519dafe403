import { annotations } from "../../contracts/names.ts";
import type { Metrics } from "../../runtime/telemetry/metrics.ts";
import { serverNameOf } from "./keys.ts";
import { relaxedSince, webhookKinds } from "./webhook.ts";
import { allPolicies, uniqueNameOf, type World } from "./world.ts";

/**
 * `kubewarden_webhook_relaxed`: for every policy with a deadlock guard, 1 while its webhook lets requests pass. Read
 * from what stands in the cluster, so it holds whoever wrote it, and on a replica that stands by, too.
 */
export function observeRelaxedWebhooks(metrics: Metrics, { policies, webhooks }: Pick<World, "policies" | "webhooks">) {
  const help = "Whether a policy's webhook lets requests pass because its policy server has had no ready pod";
  metrics.observed("kubewarden_webhook_relaxed", help, () =>
    allPolicies(policies)
      .filter(({ metadata }) => metadata.annotations?.[annotations.relaxWhenUnavailableAfter] !== undefined)
      .map((policy) => {
        const name = uniqueNameOf(policy);
        const standing = webhookKinds.map((kind) => webhooks[kind].get(name)).filter((each) => each !== undefined);
        const relaxed = standing.some((each) => relaxedSince(each) !== undefined);
        return [relaxed ? 1 : 0, { policy_name: name, policy_server: serverNameOf(policy) }] as const;
      }));
}
