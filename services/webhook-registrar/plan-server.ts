// pure
import { condition } from "../../contracts/conditions.ts";
import { nothingToDo, type Plan } from "../../runtime/control/plan.ts";
import type { ServerFacts } from "./facts.ts";

/** How soon to look whether the last webhooks of a terminating server are gone. */
const whileRemovingMs = 1_000;

/**
 * What to write for one PolicyServer: which bundle all its webhooks carry, and, while it terminates, whether all of them
 * are gone. Only then the reconciler lets it go.
 */
export function planServer(facts: ServerFacts): Plan {
  const { target, generation, terminating, remaining = [] } = facts;
  const cleanedUp = remaining.length === 0
    ? condition("PolicyWebhooksCleanedUp", "True", "ReconciliationSucceeded", "No webhook calls it", generation)
    : condition(
      "PolicyWebhooksCleanedUp",
      "False",
      "ReconciliationFailed",
      `Still to be removed: ${remaining.map(({ kind, name }) => `${kind} "${name}"`).join(", ")}`,
      generation,
    );
  const digest = trustedDigest(facts);
  return {
    ...nothingToDo,
    // Also those whose policy is gone; nothing may call a server that goes away.
    remove: terminating ? remaining : [],
    status: terminating || digest !== undefined
      ? [{ target, conditions: terminating ? [cleanedUp] : [], fields: { trustedCaDigest: digest } }]
      : [], // Nothing was ever said, and there is nothing to say yet.
    ...(terminating && remaining.length > 0 ? { lookAgainAfterMs: whileRemovingMs } : {}),
  };
}

/** Stays what it was until the last webhook carries the bundle; one that is refused must not hold back all others. */
function trustedDigest({ bundle, registered, trustedCaDigest }: ServerFacts): string | undefined {
  if (!bundle) return trustedCaDigest;
  const behind = registered.some(({ bundles, refused }) => !refused && bundles.some((each) => each !== bundle.base64));
  return behind ? trustedCaDigest : bundle.digest;
}
