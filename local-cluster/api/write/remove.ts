import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { cloneJson } from "../../schema/clone.ts";
import { groupResourceOf, type ResourceType } from "../../schema/resource-type.ts";
import { isRecord } from "../../schema/schema.ts";
import type { ApiContext, WriteRequest, WriteResult } from "../context.ts";
import { parseBody } from "../decode.ts";
import { badRequest, conflict, modifiedMeanwhile, notFound } from "../failures.ts";
import type { Storage } from "../storage.ts";
import { timestamp } from "../timestamp.ts";
import { asVersion } from "../type-registry.ts";
import { valueAt } from "../values.ts";
import { attributesOf } from "./finish.ts";

/** metav1.DeleteOptions, as far as they mean something here. */
export type DeleteOptions = {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Orphan" | "Background" | "Foreground";
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
};

/** Kinds whose DELETE answers the object itself, as their registries do in Kubernetes. */
const answersObject = new Set(["pods", "services", "serviceaccounts"]);

/** DELETE of one object: gone at once, or marked and left to its finalizers (and to the node, for a pod). */
export async function deleteObject(
  context: ApiContext,
  request: WriteRequest,
  options: DeleteOptions,
): Promise<WriteResult> {
  const { type, name = "", dryRun, signal, warn } = request;
  const { storage, admission } = context;
  const resource = groupResourceOf(type);
  for (;;) {
    const stored = storage.get(resource, name, request.namespace);
    if (stored === undefined) throw notFound({ type, name });
    const live = asVersion(stored, type);
    checkPreconditions(request, live, options);
    const attributes = attributesOf(request, { operation: "DELETE", old: live });
    const mutated = await admission.mutate(attributes, signal);
    const validated = await admission.validate(attributes, signal);
    [...mutated.warnings, ...validated.warnings].forEach(warn);
    const marked = markDeleted(context, type, live, options);
    if (dryRun) return { object: marked, code: 200 };
    if (marked === live) return { object: live, code: 200 };
    const removed = removeIfReleased(storage, type, stored, marked);
    if (removed) return { object: answerFor(type, removed), code: 200 };
    const next = isReleased(type, marked) ? undefined : storage.update(resource, stored, marked);
    if (next) return { object: asVersion(next, type), code: 200 };
    if (options.preconditions?.resourceVersion) throw modifiedMeanwhile({ type, name });
  }
}

/** Reads the options of a DELETE from its body, or from the query where there is none. */
export function deleteOptionsOf(body: string, contentType: string, query: URLSearchParams): DeleteOptions {
  const given = body.trim() === "" ? {} : parseBody(body, contentType);
  if (!isRecord(given)) throw badRequest("the request body is not DeleteOptions");
  const seconds = given.gracePeriodSeconds ?? query.get("gracePeriodSeconds") ?? undefined;
  const policy = given.propagationPolicy ?? query.get("propagationPolicy") ??
    (given.orphanDependents === true ? "Orphan" : undefined);
  if (policy !== undefined && !["Orphan", "Background", "Foreground"].includes(String(policy))) {
    throw badRequest(`invalid propagationPolicy "${policy}"`);
  }
  return {
    ...(seconds === undefined || seconds === null ? {} : { gracePeriodSeconds: Number(seconds) }),
    ...(policy === undefined ? {} : { propagationPolicy: policy as "Orphan" | "Background" | "Foreground" }),
    ...(isRecord(given.preconditions) ? { preconditions: given.preconditions } : {}),
  };
}

/** Removes an object that is being deleted once nothing holds it any more; undefined where something does. */
export function removeIfReleased(
  storage: Storage,
  type: ResourceType,
  stored: KubeObject,
  last: KubeObject,
): KubeObject | undefined {
  return isReleased(type, last) ? storage.remove(groupResourceOf(type), stored, last) : undefined;
}

function isReleased(type: ResourceType, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  const namespaceHolds = type.kind === "Namespace" && type.group === "" &&
    ((valueAt(object, "spec", "finalizers") as string[] | undefined) ?? []).length > 0;
  return deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0 &&
    !namespaceHolds;
}

/** The object with its deletion marked; the very same object where the mark would change nothing. */
function markDeleted(
  { now }: ApiContext,
  type: ResourceType,
  live: KubeObject,
  { gracePeriodSeconds, propagationPolicy }: DeleteOptions,
): KubeObject {
  const graceSeconds = graceFor(type, live, gracePeriodSeconds);
  const already = live.metadata.deletionTimestamp !== undefined;
  const held = Number(live.metadata.deletionGracePeriodSeconds ?? 0);
  if (already && graceSeconds >= held) return live;
  const object = cloneJson(live);
  const { metadata } = object;
  metadata.deletionTimestamp = timestamp(new Date(now().getTime() + 1000 * graceSeconds));
  metadata.deletionGracePeriodSeconds = graceSeconds;
  if (!already) {
    const finalizer = { Foreground: "foregroundDeletion", Orphan: "orphan", Background: undefined };
    const added = finalizer[propagationPolicy ?? "Background"];
    if (added !== undefined) metadata.finalizers = [...new Set([...metadata.finalizers ?? [], added])];
    if (metadata.generation !== undefined) metadata.generation += 1;
  }
  if (type.kind === "Namespace" && type.group === "") object.status = { phase: "Terminating" };
  return object;
}

/** Only a running pod on a node is deleted gracefully. */
function graceFor(type: ResourceType, live: KubeObject, asked: number | undefined): number {
  if (type.plural !== "pods" || type.group !== "") return 0;
  const phase = valueAt(live, "status", "phase");
  if (!valueAt(live, "spec", "nodeName") || phase === "Failed" || phase === "Succeeded") return 0;
  return Math.max(0, asked ?? Number(valueAt(live, "spec", "terminationGracePeriodSeconds") ?? 30));
}

function checkPreconditions({ type, name = "" }: WriteRequest, live: KubeObject, { preconditions }: DeleteOptions) {
  const { uid, resourceVersion } = preconditions ?? {};
  for (
    const [word, wanted, actual] of [
      ["UID", uid, live.metadata.uid],
      ["ResourceVersion", resourceVersion, live.metadata.resourceVersion],
    ]
  ) {
    if (wanted && wanted !== actual) {
      throw conflict(
        { type, name },
        `Precondition failed: ${word} in precondition: ${wanted}, ${word} in object meta: ${actual}`,
      );
    }
  }
}

function answerFor(type: ResourceType, removed: KubeObject): unknown {
  if (answersObject.has(type.plural)) return removed;
  const { name, uid } = removed.metadata;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(type.group === "" ? {} : { group: type.group }), kind: type.plural, uid },
  };
}
