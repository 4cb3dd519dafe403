import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { cloneJson, equalJson } from "../../schema/clone.ts";
import { forbidden as forbiddenField } from "../../schema/field-error.ts";
import { groupResourceOf, type ResourceType } from "../../schema/resource-type.ts";
import { invalidObject } from "../../schema/status-error.ts";
import { trackUpdate } from "../apply/managed-fields.ts";
import type { ApiContext, WriteRequest, WriteResult } from "../context.ts";
import { decodeObject } from "../decode.ts";
import { badRequest, conflict, modifiedMeanwhile, notFound } from "../failures.ts";
import { asVersion } from "../type-registry.ts";
import { checkNamespace, managerOf } from "./create.ts";
import { admitAndValidate } from "./finish.ts";
import { removeIfReleased } from "./remove.ts";

/** What the client wants the object to be, given what it is. `managed` says managedFields are already settled. */
export type Transform = (live: KubeObject) => { object: KubeObject; managed?: boolean };

/** A patch without a resourceVersion is tried again when another write comes between, as Kubernetes does. */
const attempts = 5;

/** PUT of an object or of its status. */
export async function replaceObject(context: ApiContext, request: WriteRequest): Promise<WriteResult> {
  const object = decodeObject(request);
  const { type } = request;
  if (object.metadata.name !== request.name) {
    throw badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${request.name})`,
    );
  }
  if (mustNameVersion(type) && !object.metadata.resourceVersion) {
    throw invalidObject(type, object.metadata.name, [{
      path: "metadata.resourceVersion",
      reason: "FieldValueInvalid",
      message: "Invalid value: 0: must be specified for an update",
    }]);
  }
  return { object: await updateObject(context, request, () => ({ object: cloneJson(object) })), code: 200 };
}

/** Kinds whose registries allow no unconditional update (`AllowUnconditionalUpdate` is false). */
const conditional = new Set([
  "customresourcedefinitions",
  "endpointslices",
  "leases",
  "mutatingwebhookconfigurations",
  "poddisruptionbudgets",
  "serviceaccounts",
  "validatingwebhookconfigurations",
]);

function mustNameVersion({ custom, plural }: ResourceType): boolean {
  return custom || conditional.has(plural);
}

/** The one way an existing object changes: transform, strategy, managed fields, admission, compare and swap. */
export async function updateObject(
  context: ApiContext,
  request: WriteRequest,
  transform: Transform,
): Promise<KubeObject> {
  for (let attempt = 1;; attempt++) {
    const result = await tryUpdate(context, request, transform, attempt < attempts);
    if (result !== "again") return result;
  }
}

async function tryUpdate(
  context: ApiContext,
  request: WriteRequest,
  transform: Transform,
  mayRetry: boolean,
): Promise<KubeObject | "again"> {
  const { type, dryRun, name = "" } = request;
  const { storage } = context;
  const resource = groupResourceOf(type);
  const subject = { type, name };
  const stored = storage.get(resource, name, request.namespace);
  if (stored === undefined) throw notFound(subject);
  const live = asVersion(stored, type);
  const { object: wanted, managed = false } = transform(live);
  checkNamespace(request, wanted);
  checkPreconditions(request, live, wanted);
  const merged = carryOver(context, request, live, wanted);
  const tracked = managed ? merged : trackUpdate({ type, live, object: merged, ...managerOf(context, request) });
  const admitted = await admitAndValidate(context, request, { operation: "UPDATE", object: tracked, old: live });
  if (type.hasGeneration && specChanged(type.hasStatus, live, admitted)) {
    admitted.metadata.generation = Number(live.metadata.generation ?? 0) + 1;
  }
  if (equalJson(withoutManagerTimes(live), withoutManagerTimes(admitted))) return live;
  if (dryRun) return admitted;
  const removed = removeIfReleased(storage, type, stored, admitted);
  const next = removed ?? storage.update(resource, stored, admitted);
  if (next !== undefined) return asVersion(next, type);
  if (mayRetry && !wanted.metadata.resourceVersion) return "again";
  throw modifiedMeanwhile(subject);
}

/** A uid or resourceVersion in the body is a condition: this incarnation, this state. */
function checkPreconditions({ type, name = "" }: WriteRequest, live: KubeObject, wanted: KubeObject): void {
  const { uid, resourceVersion } = wanted.metadata;
  if (uid && uid !== live.metadata.uid) {
    throw conflict(
      { type, name },
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid}`,
    );
  }
  if (resourceVersion && resourceVersion !== live.metadata.resourceVersion) throw modifiedMeanwhile({ type, name });
}

/** What no update changes: identity and times; status on the main resource, everything else on `/status`. */
function carryOver({ prepare }: ApiContext, request: WriteRequest, live: KubeObject, wanted: KubeObject): KubeObject {
  const { type, subresource } = request;
  const object: KubeObject = subresource === "status"
    ? {
      ...cloneJson(live),
      status: wanted.status,
      metadata: { ...cloneJson(live.metadata), managedFields: wanted.metadata.managedFields },
    }
    : { ...wanted };
  if (object.status === undefined) delete object.status;
  const metadata = { ...object.metadata };
  for (const field of systemFields) {
    if (live.metadata[field] === undefined) delete metadata[field];
    else metadata[field] = live.metadata[field];
  }
  object.metadata = metadata;
  if (subresource === undefined && type.hasStatus) {
    if (live.status === undefined) delete object.status;
    else object.status = cloneJson(live.status);
  }
  checkFinalizers(request, live, object);
  return subresource === undefined ? type.prepareUpdate?.(object, live, prepare()) ?? object : object;
}

const systemFields = [
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generateName",
];

function checkFinalizers({ type }: WriteRequest, live: KubeObject, object: KubeObject): void {
  if (live.metadata.deletionTimestamp === undefined) return;
  const added = (object.metadata.finalizers ?? []).filter((each) => !live.metadata.finalizers?.includes(each));
  if (added.length === 0) return;
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${
    JSON.stringify(added)
  }`;
  throw invalidObject(type, live.metadata.name, [forbiddenField("metadata.finalizers", detail)]);
}

/** Generation counts changes of what is wanted: anything but metadata, and status where it is a subresource. */
function specChanged(hasStatus: boolean, live: KubeObject, next: KubeObject): boolean {
  const wantedOf = ({ metadata: _metadata, status, ...rest }: KubeObject) => hasStatus ? rest : { ...rest, status };
  return !equalJson(wantedOf(live), wantedOf(next));
}

function withoutManagerTimes({ metadata, ...rest }: KubeObject): unknown {
  const managedFields = metadata.managedFields as Record<string, unknown>[] | undefined;
  return {
    ...rest,
    metadata: { ...metadata, managedFields: (managedFields ?? []).map((entry) => ({ ...entry, time: "" })) },
  };
}
