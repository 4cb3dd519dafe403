// pure
import type { ConditionReason } from "../../contracts/conditions.ts";
import type { Observed } from "./facts.ts";
import { podFactsOf } from "./pods.ts";

/** What `Available` of a PolicyServer says. */
export type AvailabilityVerdict = { is: boolean; reason: ConditionReason<"Available">; message: string };

/**
 * Whether anybody answers for the server. A pod of an older configuration, or of a Deployment that is gone, does: the
 * Service finds it by its labels. One that is terminating is taken from the Service.
 */
export function availabilityOf(observed: Observed): AvailabilityVerdict {
  const ready = podFactsOf(observed).filter((pod) => pod.ready && !pod.terminating && !pod.finished).length;
  if (ready === 0) return { is: false, reason: "NoPodReady", message: "No pod of the policy server is ready" };
  return { is: true, reason: "PodReady", message: "" };
}
