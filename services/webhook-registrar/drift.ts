// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { ObjectPatch } from "../../runtime/control/plan.ts";
import { entriesOf, relaxedSince, type WebhookEntry } from "./webhook.ts";

/** Whether a standing configuration says all that we would write, and nothing else where that matters. */
export function isInPlace(desired: KubeObject, standing: KubeObject | undefined): boolean {
  if (!standing || foreignItems(desired, standing)) return false;
  const { labels = {}, annotations = {} } = desired.metadata;
  return holds(standing.metadata.labels, labels) && holds(standing.metadata.annotations, annotations) &&
    relaxedSince(desired) === relaxedSince(standing) &&
    isOwned(desired, standing) &&
    isSame(desired.webhooks, standing.webhooks);
}

/**
 * Takes away what apply leaves standing because others own it: further entries, conditions that could switch the policy
 * off, and owners that could take the webhook with them or keep it. `undefined` when there is none.
 */
export function foreignItemsPatch(desired: KubeObject, standing: KubeObject | undefined): ObjectPatch | undefined {
  if (!standing || !foreignItems(desired, standing)) return undefined;
  const { apiVersion, kind, metadata: { name, resourceVersion } } = standing;
  const { ownerReferences = [] } = desired.metadata;
  const merge = { metadata: { resourceVersion, ownerReferences }, webhooks: desired.webhooks };
  return { target: { apiVersion, kind, name }, merge };
}

function foreignItems(desired: KubeObject, standing: KubeObject): boolean {
  return foreignOwners(desired, standing) || foreignEntries(desired, standing);
}

/** Only beside ours: before, an apply may drop them, as it does with those of our former releases. */
function foreignOwners(desired: KubeObject, standing: KubeObject): boolean {
  return isOwned(desired, standing) && uidsOfOwners(standing).some((uid) => !uidsOfOwners(desired).includes(uid));
}

function isOwned(desired: KubeObject, standing: KubeObject): boolean {
  return uidsOfOwners(desired).every((uid) => uidsOfOwners(standing).includes(uid));
}

function uidsOfOwners({ metadata: { ownerReferences = [] } }: KubeObject): string[] {
  return ownerReferences.map(({ uid }) => uid);
}

/** Both lists are maps keyed by name to the API server, which merges them item by item. */
function foreignEntries(desired: KubeObject, standing: KubeObject): boolean {
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
