// pure
import { parseJson } from "../../../contracts/json.ts";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { cloneJson, equalJson } from "../../schema/clone.ts";
import { apiVersionOf, type ResourceType } from "../../schema/resource-type.ts";
import type { Schema } from "../../schema/schema.ts";
import { StatusError } from "../../schema/status-error.ts";
import { compareFields, fieldsOf } from "./compare.ts";
import {
  difference,
  equalSets,
  type FieldSet,
  intersection,
  isEmpty,
  membersOf,
  noFields,
  union,
} from "./field-set.ts";
import { bare, type Manager, managersOf, withManagers, withoutSystemFields, type Writer } from "./managed-fields.ts";
import { mergeValues, pruneFields } from "./merge.ts";
import { structureProblem } from "./structure.ts";
import { timestamp } from "../timestamp.ts";

export type ApplySpec = Writer & {
  readonly type: ResourceType;
  readonly live: KubeObject | undefined;
  readonly applied: KubeObject;
  readonly force: boolean;
};

/**
 * Server-side apply: the live object with what the manager applies merged in, what it applied before and leaves out now
 * removed (unless someone else owns it too), and managedFields to match. Throws 409 with one cause per field where other
 * managers own what would change; `force` takes those fields. Source: kubernetes.io "Server-Side Apply".
 */
export function mergeApplied(spec: ApplySpec): KubeObject {
  const { type, live, force, manager, subresource, now } = spec;
  const applied = relevantPart(spec);
  const schema: Schema = type.schema;
  const problem = structureProblem(applied, schema);
  if (problem !== undefined) throw notTyped(spec, problem);
  const current = live === undefined ? undefined : bare(live);
  const merged = current === undefined ? cloneJson(applied) : mergeValues(current, applied, schema) as KubeObject;

  const before = managersOf(live);
  const apiVersion = apiVersionOf(type);
  const isSelf = (each: Manager) =>
    each.manager === manager && each.operation === "Apply" && each.subresource === subresource;
  const self = before.find(isSelf);
  const { changed } = compareFields(current ?? {}, merged, schema);
  const contested = before.filter((each) => each !== self)
    .map((each) => ({ owner: each, fields: intersection(each.fields, changed) }))
    .filter(({ fields }) => !isEmpty(fields));
  const allowed = force || manager !== "kubectl" ? noFields : lastAppliedFields(live, schema);
  const conflicts = contested.map(({ owner, fields }) => ({ owner, fields: difference(fields, allowed) }))
    .filter(({ fields }) => !isEmpty(fields));
  if (conflicts.length > 0 && !force) throw applyConflict(conflicts);

  const others = before.filter((each) => each !== self)
    .map((each) => ({ ...each, fields: difference(each.fields, changed) }));
  const wanted = fieldsOf(applied, schema);
  const kept = others.reduce((all, { fields }) => union(all, fields), wanted);
  const pruned = self === undefined ? merged : pruneFields(merged, self.fields, kept, schema) as KubeObject;

  const fields = withoutSystemFields(wanted);
  if (live !== undefined && self && equalSets(self.fields, fields) && equalJson(bare(live), pruned)) {
    return cloneJson(live);
  }
  const next: Manager = { manager, operation: "Apply", apiVersion, time: timestamp(now), subresource, fields };
  const { removed } = compareFields(merged, pruned, schema);
  return withManagers(pruned, [...others.map((each) => ({ ...each, fields: difference(each.fields, removed) })), next]);
}

/** `/status` takes nothing but status, the main resource of such a type everything else (resetFields). */
function relevantPart({ type, applied, subresource, live }: ApplySpec): KubeObject {
  const object = cloneJson(applied);
  const { metadata } = object;
  for (const field of ["uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "managedFields"]) {
    delete metadata[field];
  }
  if (subresource === undefined) {
    if (type.hasStatus) delete object.status;
    return object;
  }
  const { apiVersion, kind, status } = object;
  const { name, namespace } = live?.metadata ?? metadata;
  const identity = { name, ...(namespace === undefined ? {} : { namespace }) };
  return { apiVersion, kind, metadata: identity, ...(status === undefined ? {} : { status }) };
}

/** What `kubectl apply` set on the client's side before: `kubectl apply --server-side` takes that over without a conflict. */
function lastAppliedFields(live: KubeObject | undefined, schema: Schema): FieldSet {
  const text = live?.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"];
  try {
    return text === undefined ? noFields : fieldsOf(parseJson(text), schema);
  } catch {
    // An annotation that is no JSON allows nothing: the conflicts stand.
    return noFields;
  }
}

/** Upstream answers this with a bare 500, whose reason is left out. */
function notTyped({ type: { kind }, applied: { apiVersion, metadata } }: ApplySpec, problem: string): StatusError {
  const name = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  const message = `failed to create typed patch object (${name}; ${apiVersion}, Kind=${kind}): ${problem}`;
  return new StatusError(500, undefined, message);
}

function applyConflict(contested: { owner: Manager; fields: FieldSet }[]): StatusError {
  const all = contested.map(({ owner, fields }) => ({ owner: describe(owner), paths: membersOf(fields) }));
  const causes = all.flatMap(({ owner, paths }) =>
    paths.map((field) => ({ reason: "FieldManagerConflict", message: `conflict with ${owner}`, field }))
  );
  const count = causes.length;
  const texts = all.map(({ owner, paths }) =>
    paths.length === 1
      ? `conflict with ${owner}: ${paths[0]}`
      : `conflicts with ${owner}:\n${paths.map((path) => `- ${path}`).join("\n")}`
  );
  const message = `Apply failed with ${count} ${count === 1 ? "conflict" : "conflicts"}: ${texts.join("\n")}`;
  return new StatusError(409, "Conflict", message, { causes });
}

function describe({ manager, subresource, operation, apiVersion, time }: Manager): string {
  const name = `"${manager}"${subresource === undefined ? "" : ` with subresource "${subresource}"`}`;
  if (operation === "Apply") return name;
  return `${name} using ${apiVersion}${time === undefined ? "" : ` at ${time}`}`;
}
