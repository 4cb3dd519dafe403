// pure
import type { ObjectReader } from "../auth/object-reader.ts";
import { forbiddenRequest } from "../schema/status-error.ts";
import type { AdmissionAttributes } from "./admission.ts";

const apiVersion = "scheduling.k8s.io/v1", kind = "PriorityClass";
const system = new Map([["system-cluster-critical", 2_000_000_000], ["system-node-critical", 2_000_001_000]]);

/** Priority: what a new Pod's class, or the default class, makes of it; an unknown class is refused. */
export function priorityOf(
  spec: Record<string, unknown>,
  { type, name }: AdmissionAttributes,
  reader: ObjectReader,
): Record<string, unknown> {
  const { priorityClassName = "", preemptionPolicy } = spec as {
    priorityClassName?: string;
    preemptionPolicy?: string;
  };
  const builtin = system.get(priorityClassName);
  const found = priorityClassName === ""
    ? reader.list({ apiVersion, kind }).find(({ globalDefault }) => globalDefault === true)
    : reader.get({ apiVersion, kind, name: priorityClassName });
  if (priorityClassName !== "" && !found && builtin === undefined) {
    throw forbiddenRequest(type, name, `no PriorityClass with name ${priorityClassName} was found`);
  }
  return {
    ...(found ? { priorityClassName: found.metadata.name } : {}),
    priority: found?.value ?? builtin ?? 0,
    preemptionPolicy: preemptionPolicy ?? found?.preemptionPolicy ?? "PreemptLowerPriority",
  };
}
