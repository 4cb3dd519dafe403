// pure
import { alarmingReasons, passingReasons } from "../../contracts/conditions.ts";
import type { Condition, KubeObject } from "../../contracts/kubernetes.ts";

/** A change worth an Event. `action` names the condition that changed, or what the field became. */
export type Transition = { type: "Normal" | "Warning"; action: string; reason: string; message: string };

type Status = { conditions?: Partial<Condition>[]; policyStatus?: string };

/**
 * What a status apply changed for people: conditions that got another status or reason (new words alone are no change),
 * and `policyStatus`. A False condition is a warning unless its reason passes by itself, a True one if its reason alarms.
 */
export function transitionsOf(before: KubeObject, applied: KubeObject): Transition[] {
  const old = (before.status ?? {}) as Status, present = (applied.status ?? {}) as Status;
  const transitions = (present.conditions ?? []).flatMap((each) => {
    const known = old.conditions?.find(({ type }) => type === each.type);
    return known?.status === each.status && known?.reason === each.reason ? [] : [transitionTo(each)];
  });
  const { policyStatus } = present;
  if (policyStatus === undefined || policyStatus === old.policyStatus) return transitions;
  const from = old.policyStatus === undefined ? "" : `, it was ${old.policyStatus}`;
  const message = `policyStatus is ${policyStatus}${from}`;
  const action = `PolicyStatus${policyStatus.charAt(0).toUpperCase()}${policyStatus.slice(1)}`;
  return [...transitions, { type: "Normal", action, reason: "PolicyStatusChanged", message }];
}

function transitionTo({ type = "", status = "Unknown", reason = "", message = "" }: Partial<Condition>): Transition {
  const words = message === "" ? "" : `: ${message}`;
  const wrong = status === "True" ? alarmingReasons.has(reason) : !passingReasons.has(reason);
  return { type: wrong ? "Warning" : "Normal", action: type, reason, message: `${type} is ${status}${words}` };
}
