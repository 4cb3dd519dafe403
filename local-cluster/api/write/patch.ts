import { applyPatch, type Operation } from "rfc6902";
import { isRawNumber, parseJson } from "../../../contracts/json.ts";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { cloneJson } from "../../schema/clone.ts";
import { forbidden, required } from "../../schema/field-error.ts";
import { apiVersionOf, groupResourceOf } from "../../schema/resource-type.ts";
import { isRecord } from "../../schema/schema.ts";
import { invalidObject, StatusError } from "../../schema/status-error.ts";
import { mergeApplied } from "../apply/apply.ts";
import type { ApiContext, WriteRequest, WriteResult } from "../context.ts";
import { checkFields, normalize, parseBody, strictDecodingError } from "../decode.ts";
import { duplicateKeys } from "../duplicate-keys.ts";
import { badRequest, conflict, notFound, unsupportedMediaType } from "../failures.ts";
import { strategicMerge } from "../patch-strategic.ts";
import { applyTypeDefaults } from "../../schema/defaults.ts";
import { valueAt } from "../values.ts";
import { managerOf, prepareNew, storeNew } from "./create.ts";
import { updateObject } from "./update.ts";

type Patcher = (live: KubeObject, patch: unknown, request: WriteRequest) => unknown;

const patchers: Record<string, Patcher> = {
  "application/json-patch+json": (live, patch) => jsonPatch(live, patch),
  "application/merge-patch+json": (live, patch) => mergePatch(live, patch),
  "application/strategic-merge-patch+json": (live, patch, { type }) => strategicMerge(live, patch, type.schema),
};
const applyTypes = ["application/apply-patch+yaml", "application/apply-patch+json"];

/** PATCH in any of its four kinds. `mayCreate` throws where the user may not create the object an apply lacks. */
export async function patchObject(
  context: ApiContext,
  request: WriteRequest,
  mayCreate: () => void,
): Promise<WriteResult> {
  const { type, contentType, body } = request;
  checkOptions(request);
  if (applyTypes.includes(contentType)) return applyObject(context, request, mayCreate);
  const patcher = patchers[contentType];
  if (patcher === undefined || (type.custom && contentType.includes("strategic"))) {
    const accepted = Object.keys(patchers).filter((each) => !(type.custom && each.includes("strategic")));
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${
        [...accepted, ...applyTypes].join(", ")
      }`,
    );
  }
  const patch = parseBody(body, contentType);
  const object = await updateObject(context, request, (live) => {
    const patched = patcher(live, patch, request);
    if (!isRecord(patched) || !isRecord(patched.metadata)) throw badRequest("the patch does not leave an object");
    const next = patched as KubeObject;
    if (next.kind !== type.kind || next.apiVersion !== apiVersionOf(type)) {
      throw badRequest("a patch may not change apiVersion or kind");
    }
    if (next.metadata.name !== request.name) {
      throw badRequest(`the name of the object (${next.metadata.name}) does not match the name on the URL`);
    }
    normalize(request, next, duplicateKeys(body));
    // What the live object had is no precondition of the client's: such a patch is tried again after another write.
    if (!namesVersion(patch)) next.metadata.resourceVersion = "";
    return { object: next };
  });
  return { object, code: 200 };
}

/** Server-side apply: makes the object, or merges into it what this manager wants. */
async function applyObject(context: ApiContext, request: WriteRequest, mayCreate: () => void): Promise<WriteResult> {
  const { type, name = "", subresource, body, contentType } = request;
  const applied = decodeApplied(request);
  const live = context.storage.get(groupResourceOf(type), name, request.namespace);
  const merge = (existing: KubeObject | undefined) => {
    const merged = mergeApplied({
      type,
      live: existing,
      applied,
      force: request.force,
      ...managerOf(context, request),
    });
    applyTypeDefaults(type, merged);
    return merged;
  };
  if (live === undefined) {
    if (subresource !== undefined) throw notFound({ type, name });
    if (applied.metadata.uid) {
      const why =
        `uid mismatch: the provided object specified uid ${applied.metadata.uid}, and no existing object was found`;
      throw conflict({ type, name }, why);
    }
    mayCreate();
    const object = prepareNew(context, request, merge(undefined));
    return { object: await storeNew(context, request, object), code: 201 };
  }
  const object = await updateObject(context, request, (existing) => {
    const merged = merge(existing);
    const { uid, resourceVersion } = applied.metadata;
    // The preconditions are those of the applied configuration, not of what it was merged into.
    merged.metadata = { ...merged.metadata, uid: uid ?? "", resourceVersion: resourceVersion ?? "" };
    return { object: merged, managed: true };
  });
  return { object, code: 200 };

  function decodeApplied({ fieldValidation, warn }: WriteRequest): KubeObject {
    const value = parseBody(body, contentType);
    if (!isRecord(value) || value.kind !== type.kind || value.apiVersion !== apiVersionOf(type)) {
      throw badRequest(`an apply body must be a ${type.kind} of ${apiVersionOf(type)}`);
    }
    const configuration = { ...value, metadata: isRecord(value.metadata) ? { ...value.metadata } : {} } as KubeObject;
    const { metadata } = configuration;
    metadata.name ??= name;
    if (metadata.name !== name) {
      throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
    }
    if (Array.isArray(metadata.managedFields) && metadata.managedFields.length > 0) {
      throw badRequest("metadata.managedFields must be nil");
    }
    delete metadata.managedFields;
    checkFields(request, configuration, /^\s*\{/.test(body) ? duplicateKeys(body) : [], (problems) => {
      if (fieldValidation === "Strict") throw strictDecodingError(type, problems);
      if (fieldValidation === "Warn") problems.forEach(warn);
    });
    return configuration;
  }
}

function checkOptions({ contentType, fieldManager, force }: WriteRequest): void {
  const isApply = applyTypes.includes(contentType);
  const error = isApply && fieldManager === ""
    ? required("fieldManager", "is required for apply patch")
    : !isApply && force
    ? forbidden("force", "may not be specified for non-apply patch")
    : undefined;
  if (error) throw invalidObject({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [error]);
}

function namesVersion(patch: unknown): boolean {
  if (!Array.isArray(patch)) return valueAt(patch, "metadata", "resourceVersion") !== undefined;
  return patch.some((each) => isRecord(each) && each.op !== "test" && each.path === "/metadata/resourceVersion");
}

function jsonPatch(live: KubeObject, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest("a JSON Patch is a list of operations");
  const document = { root: numbersToText(live) };
  const operations = patch.map((each) =>
    isRecord(each)
      ? { ...each, path: `/root${each.path ?? ""}`, ...("from" in each ? { from: `/root${each.from}` } : {}) }
      : each
  );
  const results = applyPatch(document, numbersToText(operations) as Operation[]);
  const failed = results.find((result) => result !== null);
  if (failed) {
    // The same words for every failed operation: k8s.io/apimachinery NewGenericServerResponse(422).
    throw new StatusError(
      422,
      "Invalid",
      `the server rejected our request due to an error in our request: ${failed.message}`,
      {},
    );
  }
  return textToNumbers(document.root);
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return cloneJson(patch);
  const merged: Record<string, unknown> = isRecord(target) ? { ...cloneJson(target) } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

// rfc6902 copies values property by property, which would break numbers kept as text: they travel as marked strings.
const mark = "\u0000number:";

function numbersToText(value: unknown): unknown {
  if (isRawNumber(value)) return mark + value.rawJSON;
  if (Array.isArray(value)) return value.map(numbersToText);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, numbersToText(each)]));
}

function textToNumbers(value: unknown): unknown {
  if (typeof value === "string") return value.startsWith(mark) ? parseJson(value.slice(mark.length)) : value;
  if (Array.isArray(value)) return value.map(textToNumbers);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, textToNumbers(each)]));
}
