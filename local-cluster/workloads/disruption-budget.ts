import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { WatchCache } from "../../runtime/kube/watch-cache.ts";
import { timestamp } from "./deployment-status.ts";
import { keyOf, type Loop, partsOfKey } from "./loop.ts";
import { type IntOrString, type LabelSelector, matchesLabelSelector } from "./objects.ts";
import { isPodActive, isPodReady, type Pod } from "./pod.ts";
import { writeStatus } from "./write-status.ts";

type DisruptionBudget = KubeObject & {
  spec: { selector?: LabelSelector; minAvailable?: IntOrString; maxUnavailable?: IntOrString };
  status?: { conditions?: { type: string; status: string; lastTransitionTime: string }[] };
};

/** Keeps the status of PodDisruptionBudgets. Expected pods are the selected ones that are active. */
export function disruptionBudgetLoop(
  { kube, budgets, pods }: { kube: Kube; budgets: WatchCache; pods: WatchCache },
): Loop {
  const inNamespace = (namespace: string | undefined) =>
    budgets.list().filter((each) => each.metadata.namespace === namespace).map(keyOf);
  return {
    name: "disruption-controller",
    sources: [
      { cache: budgets, keysFor: (object) => [keyOf(object)] },
      { cache: pods, keysFor: (object) => inNamespace(object.metadata.namespace) },
    ],
    async reconcile(key, signal) {
      const { namespace, name } = partsOfKey(key);
      const budget = budgets.get(name, namespace) as DisruptionBudget | undefined;
      if (!budget || budget.metadata.deletionTimestamp !== undefined) return undefined;
      const selected = (pods.list() as readonly Pod[]).filter((pod) =>
        pod.metadata.namespace === namespace && isPodActive(pod) &&
        matchesLabelSelector(budget.spec.selector, pod.metadata.labels ?? {})
      );
      await writeStatus(kube, budget, { status: budgetStatus(budget, selected, new Date()), signal });
      return undefined;
    },
  };
}

function budgetStatus(budget: DisruptionBudget, pods: readonly Pod[], now: Date): Record<string, unknown> {
  const { minAvailable, maxUnavailable } = budget.spec;
  const expectedPods = pods.length, currentHealthy = pods.filter(isPodReady).length;
  const desiredHealthy = maxUnavailable === undefined
    ? countOf(minAvailable ?? 1, expectedPods)
    : Math.max(0, expectedPods - countOf(maxUnavailable, expectedPods));
  const disruptionsAllowed = expectedPods === 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const status = disruptionsAllowed > 0 ? "True" : "False";
  const known = budget.status?.conditions?.find((each) => each.type === "DisruptionAllowed");
  return {
    expectedPods,
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed,
    observedGeneration: budget.metadata.generation,
    conditions: [{
      type: "DisruptionAllowed",
      status,
      reason: disruptionsAllowed > 0 ? "SufficientPods" : "InsufficientPods",
      message: "",
      observedGeneration: budget.metadata.generation,
      lastTransitionTime: known?.status === status ? known.lastTransitionTime : timestamp(now),
    }],
  };
}

/** Percentages of a budget round up. */
function countOf(value: IntOrString, total: number): number {
  return typeof value === "number" ? value : Math.ceil(total * Number.parseInt(value, 10) / 100);
}
