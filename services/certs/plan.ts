// pure
import { caSecretName } from "../../contracts/names.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { nothingToDo, type Plan } from "../../runtime/control/plan.ts";
import { isStanding } from "./authority-rotation.ts";
import { authorityCondition, servingCondition } from "./conditions.ts";
import type { LeafFacts, Observed, ServerFacts } from "./facts.ts";
import { dueRequest, nextLookMs } from "./rotation.ts";
import { metadataRepairFor, secretKind } from "./secrets.ts";

/** An issued Secret comes back through the cache at once; this only guards against a lost race for it. */
const afterIssueMs = 2_000;
const afterRefusalMs = 15_000;

/**
 * What to write in one pass. Secrets with keys are not part of it: they are issued before (issue.ts), and conditions
 * speak of what came back from the API server.
 */
export function planCertificates(observed: Observed, now: Date): Plan {
  if (observed.about === "audit") {
    const { secretName, leaf } = observed.audit;
    return { ...nothingToDo, apply: repairs(observed, { secretName, leaf }), lookAgainAfterMs: waitMs(observed, now) };
  }
  const { authority, server } = observed;
  if (server.terminating) return nothingToDo;
  return {
    ...nothingToDo,
    apply: repairs(observed, { secretName: server.secretName, leaf: server.leaf, server }),
    status: [{
      target: server.target,
      conditions: [authorityCondition(observed, now), servingCondition(observed, now)],
      // While the authority is in the making the former bundle stands: it is what keeps the former one trusted.
      fields: { caBundle: isStanding(authority, now) ? authority.bundle?.pem : server.publishedBundle },
    }],
    lookAgainAfterMs: waitMs(observed, now),
  };
}

function waitMs(observed: Observed, now: Date): number {
  if (observed.refusal !== undefined) return afterRefusalMs;
  return dueRequest(observed, now) ? afterIssueMs : nextLookMs(observed, now);
}

/** Labels (and the owner) that somebody took away. */
function repairs(
  { authority, namespace }: Observed,
  { secretName, leaf, server }: { secretName: string; leaf: LeafFacts; server?: ServerFacts },
): KubeObject[] {
  const ref = (name: string) => ({ ...secretKind, name, namespace });
  return [
    ...(authority.secret?.metadataInPlace === false ? [metadataRepairFor(ref(caSecretName), authority.secret)] : []),
    ...(leaf.secret?.metadataInPlace === false ? [metadataRepairFor(ref(secretName), leaf.secret, server)] : []),
  ];
}
