// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { ObjectPatch } from "../../runtime/control/plan.ts";
import { entriesOf, relaxedSince, type WebhookEntry } from "./webhook.ts";

/** Whether a standing configuration says all that we would write, and nothing else where that matters. */
export function isInPlace(desired: KubeObject, standing: KubeObject | undefined): boolean {
  if (!standing || foreignItems(desired, standing)) return false;
  const { labels = {}, annotations = {}, ownerReferences = [] } = desired.metadata;
  return holds(standing.metadata.labels, labels) && holds(standing.metadata.annotations, annotations) &&
    relaxedSince(desired) === relaxedSince(standing) &&
    ownerReferences.every(({ uid }) => standing.metadata.ownerReferences?.some((each) => each.uid === uid)) &&
    isSame(desired.webhooks, standing.webhooks);
}

/**
 * Takes away what apply leaves standing because others own it: further entries, and conditions that could switch the
 * policy off. `undefined` when there is none.
 */
export function foreignItemsPatch(desired: KubeObject, standing: KubeObject | undefined): ObjectPatch | undefined {
  if (!standing || !foreignItems(desired, standing)) return undefined;
  const { apiVersion, kind, metadata: { name, resourceVersion } } = standing;
  return { target: { apiVersion, kind, name }, merge: { metadata: { resourceVersion }, webhooks: desired.webhooks } };
}

/** Both lists are maps keyed by name to the API server, which merges them item by item. */
function foreignItems(desired: KubeObject, standing: KubeObject): boolean {
  return entriesOf(standing).some((entry) => {
    const wanted = entriesOf(desired).find(({ name }) => name === entry.name);
    return !wanted || conditionNames(entry).some((name) => !conditionNames(wanted).includes(name));
  });
}

function conditionNames({ matchConditions = [] }: WebhookEntry): string[] {
  return matchConditions.map(({ name }) => name);
}

function holds(actual: Record<string, string> | undefined, wanted: Record<string, string>): boolean {
  return Object.entries(wanted).every(([key, value]) => actual?.[key] === value);
}

/** Equal but for what the API server leaves out when it stores: undefined values, null and empty lists. */
function isSame(one: unknown, other: unknown): boolean {
  if (isNothing(one) || isNothing(other)) return isNothing(one) && isNothing(other);
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, index) => isSame(each, other[index]));
  }
  if (!isRecord(one) || !isRecord(other)) return one === other;
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) => isSame(one[key], other[key]));
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
