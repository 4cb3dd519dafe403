// pure
import { findCondition } from "../../contracts/conditions.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations } from "../../contracts/names.ts";
import type { PolicyStatus } from "../../contracts/policy.ts";
import { policyKey } from "../../contracts/policy-checks.ts";
import type { StatusIntent } from "../../runtime/control/plan.ts";
import { type Configuration, uniqueNameOf } from "./configuration.ts";
import { standingReplicas } from "./desired/replicas.ts";
import type { ConfigEntries } from "./entries.ts";
import type { Observed } from "./facts.ts";
import { type PolicyReport, policyStatusFor } from "./policy-status.ts";
import { type Fleet, namedVersion, reachOf } from "./reachability.ts";

/** The status of every policy of a standing server, from what was seen to run. */
export function policyReports(
  server: KubeObject,
  observed: Observed,
  configuration: Configuration,
  entriesOf: ReadonlyMap<string, ConfigEntries>,
): StatusIntent[] {
  const { uid = "" } = server.metadata;
  const { deployment, replicaSets, pods, events } = observed;
  // What the Deployment asks for goes first: an autoscaler may have changed it.
  const replicas = (deployment && standingReplicas(deployment)) ??
    (server.spec as { replicas?: number } | undefined)?.replicas ?? 1;
  const fleet = { serverUid: uid, replicas, deployment, replicaSets, pods, events, entriesOf };
  return observed.policies.map((policy) => policyStatusFor(policy, reportOn(policy, fleet, configuration)));
}

function reportOn(policy: KubeObject, fleet: Fleet, configuration: Configuration): PolicyReport {
  const unique = uniqueNameOf(policy);
  const finding = configuration.findings.get(policyKey(policy));
  const entry = configuration.entries.get(unique)?.text ?? "";
  const reach = reachOf(fleet, { unique, entry });
  if (finding) {
    const kept = finding.reason === "PolicyInvalid" && entry !== "";
    const message = kept ? `${finding.message}. The last valid generation stays in force` : finding.message;
    return {
      upToDate: { is: false, reason: finding.reason, message },
      reachable: { is: false, reason: finding.reason, message: `This generation is not served: ${message}` },
      mode: kept ? reach.mode : "unknown",
    };
  }
  const upToDate = upToDateOf(unique, entry, fleet);
  if (!reach.reachable) {
    return { upToDate, reachable: { is: false, reason: reach.reason, message: reach.message }, mode: reach.mode };
  }
  return {
    upToDate,
    reachable: { is: true, reason: "LatestReplicaSetIsUniquelyReachable" },
    mode: reach.mode,
    servedBy: {
      policyServerUid: fleet.serverUid,
      configVersion: servedSince(policy, fleet.serverUid) ?? reach.configVersion,
    },
  };
}

/**
 * The version that this generation has been served from until now: that of its first rollout. A later one, of another
 * policy, leaves it alone, or each would rewrite the status of every policy of the server.
 */
function servedSince(policy: KubeObject, serverUid: string): string | undefined {
  const reachable = findCondition(policy, "PolicyUniquelyReachable");
  const { servedBy } = (policy.status ?? {}) as PolicyStatus;
  const stands = reachable?.status === "True" && reachable.observedGeneration === policy.metadata.generation;
  return stands && servedBy?.policyServerUid === serverUid ? servedBy.configVersion : undefined;
}

/** True when the configuration that the Deployment was seen to name holds exactly this entry. */
function upToDateOf(unique: string, entry: string, fleet: Fleet): PolicyReport["upToDate"] {
  if (fleet.deployment === undefined) {
    const message = "The policy server has no Deployment yet: see conditions of the PolicyServer";
    return { is: false, reason: "ConfigurationVersionMismatch", message };
  }
  const version = namedVersion(fleet);
  if (version === undefined) {
    const name = fleet.deployment.metadata.name;
    const message = `Deployment "${name}" has no annotation "${annotations.configVersion}" of this PolicyServer`;
    return { is: false, reason: "UnknownConfigurationVersion", message };
  }
  if (fleet.entriesOf.get(version)?.get(unique)?.text === entry) {
    return { is: true, reason: "ConfigurationVersionMatch" };
  }
  const message =
    `Deployment "${fleet.deployment.metadata.name}" does not name a configuration with this generation yet: see conditions of the PolicyServer`;
  return { is: false, reason: "ConfigurationVersionMismatch", message };
}
