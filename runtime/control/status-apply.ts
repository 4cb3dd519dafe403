// pure
import { stringifyJson } from "../../contracts/json.ts";
import type { Condition, KubeObject } from "../../contracts/kubernetes.ts";
import type { IntendedCondition, StatusIntent } from "./plan.ts";

type Status = { conditions?: Condition[]; [field: string]: unknown };

/** The body of the status apply: only what this service owns, and the uid, so that it never revives a deleted object. */
export function statusApplyFor(intent: StatusIntent, current: KubeObject, now: Date): KubeObject {
  const { apiVersion, kind, name, namespace, uid } = intent.target;
  const known = (current.status as Status | undefined)?.conditions ?? [];
  const conditions = intent.conditions.map((each) => timedCondition(each, known, now));
  const metadata = { name, ...(namespace ? { namespace } : {}), uid };
  return { apiVersion, kind, metadata, status: { ...definedFields(intent), conditions } };
}

/** An unchanged status keeps its transition time, whatever became of reason and message (as metav1.Condition asks). */
function timedCondition(intended: IntendedCondition, known: Condition[], now: Date): Condition {
  const before = known.find(({ type }) => type === intended.type);
  const unchanged = before?.status === intended.status && before.lastTransitionTime;
  const message = cutToLength(intended.message);
  return { ...intended, message, lastTransitionTime: unchanged || now.toISOString().replace(/\.\d+Z$/, "Z") };
}

/** What a condition's message may hold (metav1.Condition), in characters; longer ones would be refused as a whole. */
const longestMessage = 32_768;

function cutToLength(message: string): string {
  // Characters outside the basic plane count once there and twice here, so this may cut early but never late.
  return message.length <= longestMessage ? message : `${message.slice(0, longestMessage - 1)}…`;
}

/**
 * Whether the apply would change nothing: all values are there, and this manager owns exactly these fields (a field it
 * owned and now leaves out must be pruned by a real apply). Without managedFields the answer is no.
 */
export function statusIsApplied(body: KubeObject, current: KubeObject, manager: string): boolean {
  const intended = body.status as Status;
  const present = (current.status ?? {}) as Status;
  const { conditions = [], ...fields } = intended;
  const owned = ownedStatusFields(current, manager);
  const wanted = [...Object.keys(fields), ...conditions.map(({ type }) => conditionKey(type))].sort();
  return owned !== undefined && stringifyJson(owned) === stringifyJson(wanted) &&
    Object.entries(fields).every(([name, value]) => canonical(value) === canonical(present[name])) &&
    conditions.every((each) =>
      canonical(each) === canonical(present.conditions?.find(({ type }) => type === each.type))
    );
}

function definedFields({ fields = {} }: StatusIntent): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

type ManagedFields = {
  manager?: string;
  operation?: string;
  subresource?: string;
  fieldsV1?: { "f:status"?: Record<string, Record<string, unknown>> };
};

/** Names of the status fields and keys of the conditions that the manager owns by apply. */
function ownedStatusFields(object: KubeObject, manager: string): string[] | undefined {
  const entries = object.metadata.managedFields as ManagedFields[] | undefined;
  const own = entries?.find((each) =>
    each.manager === manager && each.operation === "Apply" && each.subresource === "status"
  );
  if (!own) return undefined;
  const { "f:conditions": conditions = {}, ...fields } = own.fieldsV1?.["f:status"] ?? {};
  const names = Object.keys(fields).filter((key) => key.startsWith("f:")).map((key) => key.slice(2));
  return [...names, ...Object.keys(conditions).filter((key) => key.startsWith("k:"))].sort();
}

function conditionKey(type: string): string {
  return `k:${stringifyJson({ type })}`;
}

/** JSON with sorted keys. */
export function canonical(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return JSON.stringify(
    value,
    (_key, each) =>
      typeof each === "object" && each !== null && !Array.isArray(each) && Object.getPrototypeOf(each) !== null
        ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => one < other ? -1 : 1))
        : each,
  );
}

/** Whether the first resourceVersion is at least as new as the second; undefined if they cannot be compared. */
export function isAtLeast(one: string | undefined, other: string | undefined): boolean | undefined {
  if (!one || !other || !/^\d+$/.test(one) || !/^\d+$/.test(other)) return undefined;
  return one.length === other.length ? one >= other : one.length > other.length;
}
