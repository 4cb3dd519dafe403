// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { apiVersionOf, type ResourceType } from "../../schema/resource-type.ts";
import { isRecord } from "../../schema/schema.ts";
import { compareFields } from "./compare.ts";
import {
  difference,
  equalSets,
  type FieldSet,
  fieldSet,
  fromFieldsV1,
  isEmpty,
  noFields,
  toFieldsV1,
  union,
} from "./field-set.ts";
import { timestamp } from "../timestamp.ts";

/** One manager and what it owns: metav1.ManagedFieldsEntry with its fields read. */
export type Manager = {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fields: FieldSet;
};

export type Writer = { readonly manager: string; readonly subresource: string | undefined; readonly now: Date };

/** Records an ordinary write: who changed a field owns it now, who owned it before does not. */
export function trackUpdate(
  { type, live, object, manager, subresource, now }: Writer & {
    type: ResourceType;
    live?: KubeObject;
    object: KubeObject;
  },
): KubeObject {
  const given = object.metadata.managedFields;
  // An empty list (or [{}]) is the documented way to forget all managers.
  const reset = Array.isArray(given) && given.every((each) => isRecord(each) && Object.keys(each).length === 0);
  const before = given === undefined || reset ? reset && live ? [] : managersOf(live) : managersOf(object);
  const { changed, removed } = compareFields(bare(live), bare(object), type.schema);
  const apiVersion = apiVersionOf(type);
  const isSelf = (each: Manager) =>
    each.manager === manager && each.operation === "Update" && each.apiVersion === apiVersion &&
    each.subresource === subresource;
  const self = before.find(isSelf);
  const others = before.filter((each) => each !== self)
    .map((each) => ({ ...each, fields: difference(difference(each.fields, changed), removed) }));
  const fields = withoutSystemFields(union(difference(self?.fields ?? noFields, removed), changed));
  const time = self && equalSets(self.fields, fields) && isEmpty(withoutSystemFields(changed))
    ? self.time
    : timestamp(now);
  const next: Manager = { manager, operation: "Update", apiVersion, time, subresource, fields };
  return withManagers(object, [...others, next]);
}

/** The managers written in an object's metadata. */
export function managersOf(object: KubeObject | undefined): Manager[] {
  const entries = object?.metadata.managedFields;
  return (Array.isArray(entries) ? entries : []).filter(isRecord).map((entry) => ({
    manager: String(entry.manager ?? ""),
    operation: entry.operation === "Apply" ? "Apply" : "Update",
    apiVersion: String(entry.apiVersion ?? ""),
    ...(typeof entry.time === "string" ? { time: entry.time } : {}),
    ...(typeof entry.subresource === "string" && entry.subresource !== "" ? { subresource: entry.subresource } : {}),
    fields: fromFieldsV1(entry.fieldsV1),
  }));
}

/** The object with these managers written in its metadata; a manager that owns nothing is forgotten. */
export function withManagers(object: KubeObject, managers: readonly Manager[]): KubeObject {
  const entries = managers.filter(({ fields }) => !isEmpty(fields)).map((each) => ({
    manager: each.manager,
    operation: each.operation,
    apiVersion: each.apiVersion,
    ...(each.time === undefined ? {} : { time: each.time }),
    fieldsType: "FieldsV1",
    fieldsV1: toFieldsV1(each.fields),
    ...(each.subresource === undefined ? {} : { subresource: each.subresource }),
  }));
  const { managedFields: _before, ...metadata } = object.metadata;
  return { ...object, metadata: entries.length === 0 ? metadata : { ...metadata, managedFields: entries } };
}

/** An object without the bookkeeping that is nobody's field. */
export function bare(object: KubeObject | undefined): unknown {
  if (object === undefined) return {};
  const { managedFields: _managers, ...metadata } = object.metadata;
  return { ...object, metadata };
}

const systemMetadata = [
  "name",
  "namespace",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "selfLink",
  "uid",
  "generation",
  "resourceVersion",
  "managedFields",
];

/** Nobody owns identity and bookkeeping (k8s.io/apimachinery managedfields `stripmeta`). */
export function withoutSystemFields(set: FieldSet): FieldSet {
  const children = [...set.children].filter(([key]) => key !== "f:apiVersion" && key !== "f:kind");
  return fieldSet(
    false,
    children.map(([key, child]) => {
      if (key !== "f:metadata") return [key, child];
      const kept = [...child.children].filter(([name]) => !systemMetadata.includes(name.slice(2)));
      return [key, fieldSet(false, kept)];
    }),
  );
}
