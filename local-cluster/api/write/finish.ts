import { stringifyJson } from "../../../contracts/json.ts";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import type { AdmissionAttributes } from "../../admission/admission.ts";
import { cloneJson } from "../../schema/clone.ts";
import { invalidObject, StatusError } from "../../schema/status-error.ts";
import { validateObject } from "../../schema/validate.ts";
import type { ApiContext, WriteRequest } from "../context.ts";

/** Mutating admission, validation, validating admission: in that order, on the object as it would be stored. */
export async function admitAndValidate(
  { admission }: ApiContext,
  request: WriteRequest,
  change: { operation: "CREATE" | "UPDATE"; object: KubeObject; old?: KubeObject },
): Promise<KubeObject> {
  const { type, signal, warn } = request;
  const attributes = attributesOf(request, change);
  const mutated = await admission.mutate(attributes, signal);
  mutated.warnings.forEach(warn);
  const object = mutated.object ?? change.object;
  const errors = validateObject(type, object, change.old);
  if (errors.length > 0) throw invalidObject(type, object.metadata.name, errors);
  checkSize(request, object);
  const validated = await admission.validate({ ...attributes, object }, signal);
  validated.warnings.forEach(warn);
  return object;
}

/** etcd's limit for one request: what is larger is never stored. Only a large body can make a large object. */
function checkSize({ body }: WriteRequest, object: KubeObject): void {
  if (body.length < maxObjectBytes / 3 || stringifyJson(object).length <= maxObjectBytes) return;
  throw new StatusError(500, undefined, "etcdserver: request is too large");
}

const maxObjectBytes = 1.5 * 1024 * 1024;

/** How admission sees a write. It gets copies: what it does to them is its own. */
export function attributesOf(
  request: WriteRequest,
  { operation, object, old }: { operation: "CREATE" | "UPDATE" | "DELETE"; object?: KubeObject; old?: KubeObject },
): AdmissionAttributes {
  const { type, user, dryRun } = request;
  const name = object?.metadata.name ?? old?.metadata.name ?? request.name ?? "";
  // The Namespace kind is in itself: a webhook's namespaceSelector looks at the object's own labels.
  const namespace = type.kind === "Namespace" && type.group === "" ? name : request.namespace;
  return {
    operation,
    type,
    ...(request.subresource === undefined ? {} : { subresource: request.subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    name,
    user,
    ...(object === undefined ? {} : { object: cloneJson(object) }),
    ...(old === undefined ? {} : { oldObject: cloneJson(old) }),
    options: optionsOf(request, operation),
    dryRun,
  };
}

function optionsOf(request: WriteRequest, operation: string): Record<string, unknown> {
  const kinds: Record<string, string> = { CREATE: "CreateOptions", UPDATE: "UpdateOptions", DELETE: "DeleteOptions" };
  const kind = request.verb === "patch" ? "PatchOptions" : kinds[operation];
  return {
    apiVersion: "meta.k8s.io/v1",
    kind,
    ...(request.dryRun ? { dryRun: ["All"] } : {}),
    ...(request.fieldManager === "" || operation === "DELETE" ? {} : { fieldManager: request.fieldManager }),
    ...(operation === "DELETE" ? {} : { fieldValidation: request.fieldValidation }),
    ...(kind === "PatchOptions" && request.force ? { force: true } : {}),
  };
}
