import { parse as parseYaml } from "yaml";
import { parseJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { applyTypeDefaults } from "../schema/defaults.ts";
import { pruneUnknown } from "../schema/prune.ts";
import { apiVersionOf, type ResourceType } from "../schema/resource-type.ts";
import { isRecord } from "../schema/schema.ts";
import type { StatusError } from "../schema/status-error.ts";
import type { WriteRequest } from "./context.ts";
import { duplicateKeys } from "./duplicate-keys.ts";
import { badRequest, unsupportedMediaType } from "./failures.ts";
import { dropNulls } from "./values.ts";

/** The value of a JSON body (or YAML, where the media type says so); 400 where it is not readable. */
export function parseBody(body: string, contentType: string): unknown {
  if (!/json$|yaml$|^$/.test(contentType)) {
    throw unsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
    );
  }
  try {
    if (!contentType.includes("yaml")) return parseJson(body);
    return /^\s*[{[]/.test(body) ? parseJson(body) : withoutBigInts(parseYaml(body, { intAsBigInt: true }));
  } catch (error) {
    throw badRequest(`error decoding the request body: ${error instanceof Error ? error.message : error}`);
  }
}

/** The object in a create or update body, checked to be of the type the path names. */
export function decodeObject(request: WriteRequest): KubeObject {
  const { type, body, contentType } = request;
  const value = parseBody(body, contentType);
  if (!isRecord(value)) throw badRequest("the request body is not an object");
  const object = { ...value, metadata: isRecord(value.metadata) ? value.metadata : {} } as KubeObject;
  // Clients may leave out both on a typed path, as Go clients do.
  object.apiVersion ??= apiVersionOf(type);
  object.kind ??= type.kind;
  if (object.apiVersion !== apiVersionOf(type)) {
    throw badRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${
        apiVersionOf(type)
      })`,
    );
  }
  if (object.kind !== type.kind) {
    throw badRequest(`${object.kind} in version "${type.version}" cannot be handled as a ${type.kind}`);
  }
  normalize(request, object, contentType.includes("yaml") ? [] : duplicateKeys(body));
  return object;
}

/** Drops what the schema does not know, as `fieldValidation` wants it told, and fills in the defaults. */
export function normalize(request: WriteRequest, object: KubeObject, duplicates: readonly string[] = []): void {
  const { type, fieldValidation, warn } = request;
  checkFields(request, object, duplicates, (problems) => {
    if (fieldValidation === "Strict") throw strictDecodingError(type, problems);
    if (fieldValidation === "Warn") problems.forEach(warn);
  });
  applyTypeDefaults(type, object);
}

/** Prunes unknown fields in place and hands over the complaints, if there are any. */
export function checkFields(
  { type }: Pick<WriteRequest, "type">,
  object: KubeObject,
  duplicates: readonly string[],
  complain: (problems: string[]) => void,
): void {
  if (!type.custom) dropNulls(object);
  const problems = [
    ...duplicates.map((path) => `duplicate field "${path}"`),
    ...pruneUnknown(type.schema, object).map((path) => `unknown field "${path}"`),
  ];
  if (problems.length > 0) complain(problems);
}

/** The refusal of `fieldValidation=Strict`. */
export function strictDecodingError({ kind, version }: ResourceType, problems: readonly string[]): StatusError {
  return badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${problems.join(", ")}`,
  );
}

/** Defaults and pruning after a webhook changed the object; unknown fields go without a word. */
export function renormalize(type: ResourceType, object: KubeObject): KubeObject {
  if (!type.custom) dropNulls(object);
  pruneUnknown(type.schema, object);
  applyTypeDefaults(type, object);
  return object;
}

function withoutBigInts(value: unknown): unknown {
  if (typeof value === "bigint") return parseJson(String(value));
  if (Array.isArray(value)) return value.map(withoutBigInts);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withoutBigInts(each)]));
}
