// pure
import { condition, type ConditionReason, type ConditionType } from "../../contracts/conditions.ts";
import { messageOf } from "../../contracts/errors.ts";
import { type KubeObject, type ObjectRef, refOf } from "../../contracts/kubernetes.ts";
import type { StatusIntent } from "../../runtime/control/plan.ts";
import type { AvailabilityVerdict } from "./availability.ts";
import type { PodsVerdict } from "./pods-ready.ts";

const types = [
  "ConfigMapReconciled",
  "ServiceReconciled",
  "DeploymentReconciled",
  "PodDisruptionBudgetReconciled",
] as const satisfies readonly ConditionType[];
type OwnType = (typeof types)[number];

/** Why a condition is False; a condition that is not named is True. Only one of them may wait for a certificate. */
export type Shortfalls = Partial<Record<OwnType, { reason: ConditionReason<OwnType>; message: string }>>;

/**
 * All conditions of a PolicyServer that the reconciler owns. True means written, rolled out is what `PodsReady` says. The
 * carrier writes them after the objects, so True is never said of a write that failed.
 */
export function serverStatusFor(
  server: KubeObject,
  { shortfalls, pods, availability }: {
    shortfalls: Shortfalls;
    pods: PodsVerdict;
    availability: AvailabilityVerdict;
  },
): StatusIntent {
  const { generation, uid = "" } = server.metadata;
  return {
    target: { ...refOf(server), uid },
    conditions: [
      ...types.map((type) => {
        const shortfall = shortfalls[type];
        return condition(
          type,
          shortfall ? "False" : "True",
          (shortfall?.reason ?? "ReconciliationSucceeded") as ConditionReason<typeof type>,
          shortfall?.message ?? "",
          generation,
        );
      }),
      condition("PodsReady", pods.is ? "True" : "False", pods.reason, pods.message, generation),
      condition(
        "Available",
        availability.is ? "True" : "False",
        availability.reason,
        availability.message,
        generation,
      ),
    ],
  };
}

const typeOfKind: Record<string, OwnType> = {
  ConfigMap: "ConfigMapReconciled",
  Service: "ServiceReconciled",
  Deployment: "DeploymentReconciled",
  PodDisruptionBudget: "PodDisruptionBudgetReconciled",
};

/**
 * What failed writes leave undone: the refused object in the server's words, and every object after it in `order`, since
 * the carrier stops at the first failure. Writes to other kinds (a finalizer, say) hold back all of them.
 */
export function shortfallsAfter(
  failures: readonly { ref: ObjectRef; error: unknown }[],
  order: readonly ObjectRef[],
): Shortfalls {
  const [first] = failures;
  if (first === undefined) return {};
  const failed = typeOfKind[first.ref.kind];
  const message = messageOf(first.error);
  const planned = order.map((ref) => typeOfKind[ref.kind]).filter((type) => type !== undefined);
  const after = failed === undefined ? planned : planned.slice(planned.lastIndexOf(failed) + 1);
  const shortfalls: Shortfalls = {};
  for (const type of after) {
    if (type === failed) continue;
    shortfalls[type] = {
      reason: "ReconciliationFailed",
      message: `Not attempted, because an earlier write failed: ${message}`,
    };
  }
  if (failed) shortfalls[failed] = { reason: "ReconciliationFailed", message };
  return shortfalls;
}
