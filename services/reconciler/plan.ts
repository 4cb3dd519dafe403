// pure
import { type ConditionType, findCondition } from "../../contracts/conditions.ts";
import { KubewardenError } from "../../contracts/errors.ts";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import { finalizer, legacyFinalizer } from "../../contracts/names.ts";
import type { PolicyServer } from "../../contracts/policy-server.ts";
import type { FinalizerChange, IntendedCondition, Plan, StatusIntent } from "../../runtime/control/plan.ts";
import { availabilityOf } from "./availability.ts";
import { configMapsPlan } from "./config-maps-plan.ts";
import { deploymentPlan } from "./deployment-plan.ts";
import { disruptionBudgetFor } from "./desired/disruption-budget.ts";
import { serviceFor } from "./desired/service.ts";
import type { Observed } from "./facts.ts";
import { policyReports } from "./policy-reports.ts";
import { podsVerdict } from "./pods-ready.ts";
import { unservedStatusFor } from "./policy-status.ts";
import { entriesByVersion } from "./versions.ts";
import { readServer, wantedConfiguration } from "./wanted.ts";
import { serverStatusFor, type Shortfalls, shortfallsAfter } from "./server-status.ts";

type Digest = (text: string) => string;

/** What to do about one PolicyServer name. `sha256Hex` gives the digest of a text in lower-case hex. */
export function planFor(observed: Observed, sha256Hex: Digest): Plan {
  const { server } = observed;
  if (server === undefined) return planWithoutServer(observed);
  if (server.metadata.deletionTimestamp !== undefined) return planRelease(server, observed);
  const read = readServer(server);
  return "problem" in read
    ? planForUnreadable(server, observed, read.problem)
    : planForStanding(server, read.policyServer, observed, sha256Hex);
}

/** The status after failed writes: what was refused is said on the PolicyServer; the verdicts on policies hold. */
export function statusAfterFailure(
  observed: Observed,
  failures: readonly { ref: { kind: string; apiVersion: string; name: string }; error: unknown }[],
  sha256Hex: Digest,
): StatusIntent[] {
  const { server } = observed;
  const plan = planFor(observed, sha256Hex);
  const own = plan.status.find(({ target }) => target.uid === server?.metadata.uid);
  if (server === undefined || own === undefined) return [];
  const left = shortfallsAfter(failures, [...plan.apply.map(refOf), ...plan.remove]);
  const overtaken = failures.every(({ error }) => error instanceof KubewardenError && error.code === "KUBE_CONFLICT");
  const conditions = own.conditions.map((planned) => {
    const shortfall = left[planned.type as keyof Shortfalls];
    if (planned.status !== "True" || !shortfall) return planned;
    // Someone else was faster, and the next pass is under way: what was said holds until then.
    const standing = overtaken ? asItStands(server, planned.type) : undefined;
    return standing ?? { ...planned, status: "False" as const, ...shortfall };
  });
  return [{ ...own, conditions }];
}

function asItStands(server: KubeObject, type: string): IntendedCondition | undefined {
  const standing = findCondition(server, type as ConditionType);
  if (standing === undefined) return undefined;
  const { lastTransitionTime: _, ...condition } = standing;
  return condition;
}

/** No server of that name: its policies wait, whatever once ran is the garbage collector's. */
function planWithoutServer({ name, policies }: Observed): Plan {
  const message = name === ""
    ? "The policy names no PolicyServer: set spec.policyServer"
    : `There is no PolicyServer "${name}": create it, or recreate the policy with another spec.policyServer`;
  const status = policies.map((policy) => unservedStatusFor(policy, "PolicyServerNotFound", message));
  return { apply: [], remove: [], status, finalizers: [] };
}

/** A server that goes away gets nothing new, and is released once its policies' webhooks are gone. */
function planRelease(server: KubeObject, { name, policies }: Observed): Plan {
  const message = `PolicyServer "${name}" is being deleted`;
  const cleanedUp = findCondition(server, "PolicyWebhooksCleanedUp");
  // Deletion moves the generation: an answer from before it does not count.
  const released = cleanedUp?.status === "True" && cleanedUp.observedGeneration === server.metadata.generation;
  return {
    apply: [],
    remove: [],
    status: policies.map((policy) => unservedStatusFor(policy, "PolicyServerTerminating", message)),
    finalizers: released
      ? [finalizer, legacyFinalizer].filter((each) => hasFinalizer(server, each)).map((each) =>
        change(server, each, "drop")
      )
      : [],
  };
}

function planForUnreadable(server: KubeObject, observed: Observed, problem: string): Plan {
  const shortfall = { reason: "PolicyServerInvalid", message: problem } as const;
  const shortfalls: Shortfalls = {
    ConfigMapReconciled: shortfall,
    ServiceReconciled: shortfall,
    DeploymentReconciled: shortfall,
    PodDisruptionBudgetReconciled: shortfall,
  };
  const message = `PolicyServer "${server.metadata.name}" is not valid: ${problem}`;
  return {
    apply: [],
    remove: [],
    status: [
      serverStatusFor(server, {
        shortfalls,
        pods: { is: false, ...shortfall },
        availability: availabilityOf(observed),
      }),
      ...observed.policies.map((policy) => unservedStatusFor(policy, "PolicyServerInvalid", message)),
    ],
    finalizers: finalizersToAdd(server),
  };
}

function planForStanding(server: KubeObject, policyServer: PolicyServer, observed: Observed, sha256Hex: Digest): Plan {
  const { settings, disruptionBudget } = observed;
  const configuration = wantedConfiguration(policyServer, observed, sha256Hex);
  const configMaps = configMapsPlan(policyServer, configuration, observed);
  const wantedBudget = disruptionBudgetFor(policyServer, settings.namespace);
  const planned = deploymentPlan(policyServer, configuration.version, observed);
  const shortfalls: Shortfalls = { ...configMaps.shortfalls, ...planned.shortfalls };
  return {
    // In the order in which one needs the other: the carrier stops at the first failure.
    apply: [
      ...configMaps.apply,
      serviceFor(policyServer, settings),
      ...(shortfalls.ConfigMapReconciled ? [] : planned.apply),
      ...(wantedBudget ? [wantedBudget] : []),
    ],
    remove: [
      ...configMaps.remove,
      ...(disruptionBudget && !wantedBudget ? [refOf(disruptionBudget)] : []),
    ],
    status: [
      serverStatusFor(server, {
        shortfalls,
        pods: podsVerdict(server, observed, configuration),
        availability: availabilityOf(observed),
      }),
      ...policyReports(server, observed, configuration, entriesByVersion(observed, configuration)),
    ],
    finalizers: finalizersToAdd(server),
  };
}

function finalizersToAdd(server: KubeObject): FinalizerChange[] {
  return hasFinalizer(server, finalizer) ? [] : [change(server, finalizer, "add")];
}

function hasFinalizer(server: KubeObject, name: string): boolean {
  return server.metadata.finalizers?.includes(name) ?? false;
}

function change(server: KubeObject, name: string, what: FinalizerChange["change"]): FinalizerChange {
  return { target: { ...refOf(server), uid: server.metadata.uid ?? "" }, finalizer: name, change: what };
}
