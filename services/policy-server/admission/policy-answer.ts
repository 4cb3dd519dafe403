// pure
import { assertJsonDepth } from "../../../contracts/json-depth.ts";
import { parseJson } from "../../../contracts/json.ts";
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

/** A policy's plain answer to `validate`, before any rule of ours is applied (reference/policy-server.md 4.4.2). */
export type PolicyAnswer = {
  accepted: boolean;
  message?: string;
  /** 0 to 65535 */
  code?: number;
  mutation?: Mutation;
  auditAnnotations?: Record<string, string>;
  warnings?: string[];
  /** The policy decided nothing: it ran out of time, trapped or answered nonsense, and is rejected for it. */
  failed?: true;
};

/** `patch` is the JSON text of a JSON Patch that is not empty. */
export type Mutation = { kind: "patch"; patch: string } | { kind: "nothing-to-mutate" };

/** A policy's answer to `validate_settings`. */
export type SettingsAnswer = { valid: boolean; message?: string };

/** The answer as the guest wrote it, mutated object included. */
export type GuestAnswer = Omit<PolicyAnswer, "mutation"> & { mutatedObject?: unknown };

/** Parses the bytes a guest returned from `validate`. Throws an error whose message says what is wrong with them. */
export function parseGuestAnswer(bytes: Uint8Array): GuestAnswer {
  const answer = objectOf(bytes);
  const annotations = optional(answer, "audit_annotations", isStringMap, "a map of strings");
  return withoutAbsent({
    accepted: required(answer, "accepted"),
    message: optional(answer, "message", isString, "a string"),
    code: optional(answer, "code", isCode, "an integer from 0 to 65535"),
    mutatedObject: answer["mutated_object"] ?? undefined,
    auditAnnotations: annotations,
    warnings: optional(answer, "warnings", isStringList, "a list of strings"),
  });
}

/** Parses the bytes a guest returned from `validate_settings`. */
export function parseSettingsAnswer(bytes: Uint8Array): SettingsAnswer {
  const answer = objectOf(bytes);
  return withoutAbsent({
    valid: required(answer, "valid"),
    message: optional(answer, "message", isString, "a string"),
  });
}

function objectOf(bytes: Uint8Array): Record<string, unknown> {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  assertJsonDepth(text);
  const value = parseJson(text);
  if (!isObject(value)) throw new TypeError("not a JSON object");
  return value;
}
