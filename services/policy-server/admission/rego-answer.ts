// pure
import { messageOf } from "../../../contracts/errors.ts";
import { assertJsonDepth } from "../../../contracts/json-depth.ts";
import { parseJson } from "../../../contracts/json.ts";
import type { Mutation, PolicyAnswer } from "./policy-answer.ts";
import {
  isCode,
  isObject,
  isString,
  isStringList,
  isStringMap,
  optional,
  required,
  withoutAbsent,
} from "./answer-fields.ts";

/**
 * Reads the result of an OPA policy: the AdmissionReview that its rule made (reference/policy-server.md 6.3.4). Throws an
 * error whose message says what is wrong with it.
 */
export function parseOpaAnswer(bytes: Uint8Array): PolicyAnswer {
  const { response } = objectOr({}, resultOf(bytes));
  if (!isObject(response)) throw new TypeError("cannot interpret OPA policy result");
  if (!isString(response["uid"])) throw new TypeError("field `uid` must be a string");
  const status = optional(response, "status", isObject, "an object") ?? {};
  return withoutAbsent({
    accepted: required(response, "allowed"),
    message: optional(status, "message", isString, "a string"),
    code: optional(status, "code", isCode, "an integer from 0 to 65535"),
    mutation: mutationOf(response),
    auditAnnotations: optional(response, "auditAnnotations", isStringMap, "a map of strings"),
    warnings: optional(response, "warnings", isStringList, "a list of strings"),
  });
}

/**
 * Reads the result of a Gatekeeper policy: a list of violations, none of which means that all is well. What is no such
 * list is an error; upstream lets the request pass (6.4.4).
 */
export function parseGatekeeperAnswer(bytes: Uint8Array): PolicyAnswer {
  const violations = resultOf(bytes);
  if (!Array.isArray(violations)) {
    throw new TypeError("cannot interpret Gatekeeper policy result: no list of violations");
  }
  const messages = violations.map((each) => {
    if (!isObject(each)) throw new TypeError("cannot interpret Gatekeeper policy result: a violation is no object");
    return optional(each, "msg", isString, "a string");
  });
  if (violations.length === 0) return { accepted: true };
  return { accepted: false, message: messages.filter((each) => each !== undefined).join(", ") };
}

/** What the entrypoint came to; undefined where it is not defined for this input. */
function resultOf(bytes: Uint8Array): unknown {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  assertJsonDepth(text);
  const results = parseJson(text);
  return Array.isArray(results) ? objectOr({}, results[0])["result"] : undefined;
}

/** The patch travels as base64; it is kept as text, as other policies' patches are. */
function mutationOf(response: Record<string, unknown>): Mutation | undefined {
  const encoded = optional(response, "patch", isString, "a string");
  const type = optional(response, "patchType", isString, "a string");
  if (encoded === undefined) return undefined;
  if (type !== undefined && type !== "JSONPatch") {
    throw new TypeError(`patchType ${JSON.stringify(type)} is not JSONPatch`);
  }
  try {
    const patch = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(encoded));
    if (!Array.isArray(parseJson(patch))) throw new TypeError("not a list");
    return { kind: "patch", patch };
  } catch (error) {
    throw new TypeError(`the patch is no JSON Patch in base64: ${messageOf(error)}`, { cause: error });
  }
}

function objectOr(fallback: Record<string, unknown>, value: unknown): Record<string, unknown> {
  return isObject(value) ? value : fallback;
}
