import { messageOf } from "../../contracts/errors.ts";
import { type CelNode, type CelProgram, childrenOf, compileCel, kubernetesCel, withSelf } from "./cel-environment.ts";
import { celValueOf } from "./cel-values.ts";
import { equalJson } from "./clone.ts";
import { child, type FieldError } from "./field-error.ts";
import { isRecord, type Schema, type ValidationRule } from "./schema.ts";
import { correlatedItem } from "./schema-errors.ts";

type CompiledRule = {
  readonly rule: ValidationRule;
  readonly program: CelProgram;
  readonly message?: CelProgram;
  /** Names `oldSelf`: then it is a transition rule, run on updates only. */
  readonly isTransition: boolean;
};

const untyped = withSelf(kubernetesCel.clone(), "dyn");
const compiled = new WeakMap<Schema, readonly CompiledRule[]>();
const ruled = new WeakMap<Schema, boolean>();

/**
 * Runs every `x-kubernetes-validations` rule of a schema on a value, worded as the API server words it. `old` is the
 * stored value on updates; where it did not change, rules without `oldSelf` are left alone (ratcheting).
 */
export function celErrors(schema: Schema, value: unknown, old?: unknown, path = ""): FieldError[] {
  if (!hasRules(schema) || value === undefined || value === null) return [];
  return [...ownErrors(schema, value, old, path), ...childErrors(schema, value, old, path)];
}

function ownErrors(schema: Schema, value: unknown, old: unknown, path: string): FieldError[] {
  const rules = rulesOf(schema).filter(({ isTransition }) =>
    isTransition ? old !== undefined && old !== null : !(old !== undefined && equalJson(value, old))
  );
  if (rules.length === 0) return [];
  const variables = {
    self: celValueOf(value, schema),
    ...(old === undefined ? {} : { oldSelf: celValueOf(old, schema) }),
  };
  return rules.flatMap(({ rule, program, message }) => {
    const at = path === "" && !rule.fieldPath ? "<nil>" : `${path}${rule.fieldPath ?? ""}`.replace(/^\./, "");
    try {
      if (program.evaluate(variables) === true) return [];
      return [ruleError(at, schema, rule, wordsOf(rule, message, variables))];
    } catch (error) {
      const words = `${messageOf(error).split("\n")[0]} evaluating rule: ${rule.message ?? rule.rule}`;
      return [ruleError(at, schema, { ...rule, reason: "FieldValueInvalid" }, words)];
    }
  });
}

function wordsOf(rule: ValidationRule, message: CelProgram | undefined, variables: Record<string, unknown>): string {
  const fallback = rule.message ?? `failed rule: ${rule.rule.trim()}`;
  if (!message) return fallback;
  try {
    const text = message.evaluate(variables);
    return typeof text === "string" && text.trim() !== "" && !text.includes("\n") ? text.trim() : fallback;
  } catch {
    // Upstream logs a failing messageExpression and uses the rule's message.
    return fallback;
  }
}

/** The value in these errors is the schema's type, as upstream has it. */
function ruleError(path: string, { type }: Schema, { reason }: ValidationRule, words: string): FieldError {
  switch (reason) {
    case "FieldValueForbidden":
      return { path, reason, message: `Forbidden: ${words}` };
    case "FieldValueRequired":
      return { path, reason, message: `Required value: ${words}` };
    case "FieldValueDuplicate":
      return { path, reason, message: `Duplicate value: "${type ?? ""}"` };
    default:
      return { path, reason: "FieldValueInvalid", message: `Invalid value: "${type ?? ""}": ${words}` };
  }
}

function childErrors(schema: Schema, value: unknown, old: unknown, path: string): FieldError[] {
  const { items, properties = {}, additionalProperties } = schema;
  if (Array.isArray(value)) {
    if (!items) return [];
    return value.flatMap((each, index) =>
      celErrors(items, each, correlatedItem(schema, each, old), `${path}[${index}]`)
    );
  }
  if (!isRecord(value)) return [];
  const before = isRecord(old) ? old : {};
  return Object.entries(value).flatMap(([key, each]) => {
    if (Object.hasOwn(properties, key)) return celErrors(properties[key] ?? {}, each, before[key], child(path, key));
    if (!isRecord(additionalProperties)) return [];
    return celErrors(additionalProperties, each, before[key], `${path}[${key}]`);
  });
}

function rulesOf(schema: Schema): readonly CompiledRule[] {
  const known = compiled.get(schema);
  if (known) return known;
  const rules = (schema["x-kubernetes-validations"] ?? []).map((rule): CompiledRule => {
    const program = compileCel(untyped, rule.rule);
    const message = rule.messageExpression ? compileCel(untyped, rule.messageExpression) : undefined;
    if (typeof program === "string") throw new RangeError(`rule "${rule.rule}" of a stored schema: ${program}`);
    return {
      rule,
      program,
      ...(typeof message === "object" ? { message } : {}),
      isTransition: namesVariable(program.ast, "oldSelf"),
    };
  });
  compiled.set(schema, rules);
  return rules;
}

/** Whether an expression names a variable. */
export function namesVariable(node: CelNode, name: string): boolean {
  return (node.op === "id" && node.args === name) || childrenOf(node).some((each) => namesVariable(each, name));
}

function hasRules(schema: Schema): boolean {
  const known = ruled.get(schema);
  if (known !== undefined) return known;
  const below = [
    ...Object.values(schema.properties ?? {}),
    ...(schema.items ? [schema.items] : []),
    ...(isRecord(schema.additionalProperties) ? [schema.additionalProperties as Schema] : []),
  ];
  const answer = (schema["x-kubernetes-validations"] ?? []).length > 0 || below.some(hasRules);
  ruled.set(schema, answer);
  return answer;
}
