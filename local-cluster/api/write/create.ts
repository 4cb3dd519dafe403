import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { groupResourceOf } from "../../schema/resource-type.ts";
import { trackUpdate } from "../apply/managed-fields.ts";
import type { ApiContext, WriteRequest, WriteResult } from "../context.ts";
import { decodeObject } from "../decode.ts";
import { alreadyExists, badRequest, methodNotAllowed } from "../failures.ts";
import { asVersion } from "../type-registry.ts";
import { admitAndValidate } from "./finish.ts";
import { timestamp } from "../timestamp.ts";

/** POST of an object. */
export async function createObject(context: ApiContext, request: WriteRequest): Promise<WriteResult> {
  const object = decodeObject(request);
  const fields = prepareNew(context, request, object);
  const managed = trackUpdate({ type: request.type, object: fields, ...managerOf(context, request) });
  return { object: await storeNew(context, request, managed), code: 201 };
}

/** System fields of an object that does not exist yet; what clients may not set is dropped. */
export function prepareNew(context: ApiContext, request: WriteRequest, object: KubeObject): KubeObject {
  const { type, namespace } = request;
  const { metadata } = object;
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== "") {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  checkNamespace(request, object);
  const given = { ...metadata };
  for (
    const field of ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "generation"]
  ) {
    delete given[field];
  }
  const name = metadata.name || (metadata.generateName ? `${metadata.generateName}${context.random.suffix(5)}` : "");
  const prepared: KubeObject = {
    ...object,
    metadata: {
      ...given,
      name,
      ...(type.namespaced && namespace !== undefined ? { namespace } : {}),
      uid: crypto.randomUUID(),
      creationTimestamp: timestamp(context.now()),
      ...(type.hasGeneration ? { generation: 1 } : {}),
    },
  };
  if (type.hasStatus) delete prepared.status;
  return type.prepareCreate?.(prepared, context.prepare()) ?? prepared;
}

/** Admission, validation, and the write itself. */
export async function storeNew(context: ApiContext, request: WriteRequest, object: KubeObject): Promise<KubeObject> {
  const { type, dryRun } = request;
  const resource = groupResourceOf(type);
  if (context.types.isTerminating(type)) {
    throw methodNotAllowed("create not allowed while custom resource definition is terminating");
  }
  const taken = () => alreadyExists({ type, name: object.metadata.name });
  const admitted = await admitAndValidate(context, request, { operation: "CREATE", object });
  if (dryRun) {
    if (context.storage.get(resource, admitted.metadata.name, admitted.metadata.namespace)) throw taken();
    return admitted;
  }
  const stored = context.storage.create(resource, admitted);
  if (stored === undefined) throw taken();
  return asVersion(stored, type);
}

/** Which manager's fields a write changes. */
export function managerOf({ now }: ApiContext, { fieldManager, subresource }: WriteRequest) {
  return { manager: fieldManager, subresource, now: now() };
}

/** The body's namespace is that of the path, or none. */
export function checkNamespace({ type, namespace }: WriteRequest, { metadata }: KubeObject): void {
  if (!type.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace !== undefined && metadata.namespace !== "" && metadata.namespace !== namespace) {
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request`,
    );
  }
}
