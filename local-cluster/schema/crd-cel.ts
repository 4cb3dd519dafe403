import { type CelProgram, compileCel, typedEnvironment } from "./cel-environment.ts";
import { crdCostLimit, maxCostOf, ruleCostLimit } from "./cel-cost.ts";
import { namesVariable } from "./cel-rules.ts";
import { type CelType, celTypeOf, maxCardinality } from "./cel-types.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "./field-error.ts";
import { isRecord, type Schema, type ValidationRule } from "./schema.ts";

const reasons = ["FieldValueRequired", "FieldValueForbidden", "FieldValueInvalid", "FieldValueDuplicate"];

/** Where in a schema a rule stands. */
type Place = {
  readonly schema: Schema;
  readonly type: CelType | undefined;
  readonly path: string;
  /** How many values the lists and maps above can hold; undefined where one has no bound. */
  readonly cardinality: number | undefined;
  /** Inside a list or map whose items have no identity: no old value to compare with. */
  readonly uncorrelated: string | undefined;
};
type Costs = { path: string; cost: number }[];

/**
 * Compiles every rule of a CRD's schema against its types and estimates what it can cost; says what is wrong as
 * apiextensions' validation does (`ValidateCustomResourceDefinitionOpenAPISchema`).
 */
export function crdRuleErrors(schema: Schema, path: string): FieldError[] {
  const root = celTypeOf(schema, true);
  if (!root) return [];
  const costs: Costs = [];
  const place: Place = { schema, type: root, path, cardinality: 1, uncorrelated: undefined };
  const errors = errorsBelow(place, costs);
  const total = costs.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= crdCostLimit) return errors;
  const dearest = [...costs].sort((left, right) => right.cost - left.cost).slice(0, 4)
    .filter(({ cost }) => cost > crdCostLimit / 100);
  return [
    ...errors,
    ...dearest.map((each) =>
      forbidden(
        each.path,
        "contributed to estimated rule & messageExpression cost total exceeding cost limit for entire OpenAPIv3 schema",
      )
    ),
    forbidden(
      path,
      costWords(
        "x-kubernetes-validations estimated rule & messageExpression cost total for entire OpenAPIv3 schema",
        total,
        crdCostLimit,
      ),
    ),
  ];
}

function errorsBelow(place: Place, costs: Costs): FieldError[] {
  const { schema, type, path } = place;
  const rules = schema["x-kubernetes-validations"] ?? [];
  const own = rules.flatMap((rule, index) => {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    if (!type) return [invalid(at, rule.rule, "rule declared on schema that does not support validation rules")];
    return ruleErrors(rule, at, { ...place, type }, costs);
  });
  return [...own, ...placesBelow(place).flatMap((each) => errorsBelow(each, costs))];
}

function placesBelow({ schema, type, path, cardinality, uncorrelated }: Place): Place[] {
  const { properties = {}, items, additionalProperties } = schema;
  const times = (bound: number | undefined) =>
    cardinality === undefined || bound === undefined ? undefined : cardinality * bound;
  const places: Place[] = Object.entries(properties).map(([name, property]) => ({
    schema: property,
    // What CEL cannot see into has no type, and a rule there is an error.
    type: celTypeOf(property, property["x-kubernetes-embedded-resource"]),
    path: `${path}.properties[${name}]`,
    cardinality,
    uncorrelated,
  }));
  if (items) {
    const atomic = schema["x-kubernetes-list-type"] !== "map";
    places.push({
      schema: items,
      type: type?.element,
      path: `${path}.items`,
      cardinality: times(schema.maxItems),
      uncorrelated: uncorrelated ?? (atomic ? path : undefined),
    });
  }
  if (isRecord(additionalProperties)) {
    places.push({
      schema: additionalProperties,
      type: type?.element,
      path: `${path}.additionalProperties`,
      cardinality: times(schema.maxProperties),
      uncorrelated: uncorrelated ?? (schema["x-kubernetes-map-type"] === "atomic" ? path : undefined),
    });
  }
  return places;
}

function ruleErrors(
  rule: ValidationRule,
  path: string,
  place: Place & { type: CelType },
  costs: Costs,
): FieldError[] {
  if (typeof rule.rule !== "string" || rule.rule.trim() === "") {
    return [required(`${path}.rule`, "rule is not specified")];
  }
  const environment = typedEnvironment(place.type);
  const errors = shapeErrors(rule, path, place);
  const program = compileCel(environment, rule.rule);
  if (typeof program === "string") return [...errors, invalid(`${path}.rule`, rule.rule, program)];
  if (program.type !== "bool") {
    errors.push(invalid(`${path}.rule`, rule.rule, "cel expression must evaluate to a bool"));
  }
  if (place.uncorrelated !== undefined && namesVariable(program.ast, "oldSelf")) {
    const words = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`;
    errors.push(invalid(`${path}.rule`, rule.rule, words));
  }
  errors.push(...costErrors(program, `${path}.rule`, "estimated rule cost", place, costs));
  if (rule.messageExpression !== undefined) {
    const at = `${path}.messageExpression`;
    const message = compileCel(environment, rule.messageExpression);
    if (typeof message === "string") {
      errors.push(invalid(at, rule.messageExpression, `messageExpression ${message}`));
    } else if (message.type !== "string") {
      errors.push(invalid(at, rule.messageExpression, "messageExpression must evaluate to a string"));
    } else {
      errors.push(...costErrors(message, at, "estimated messageExpression cost", place, costs));
    }
  }
  return errors;
}

function shapeErrors(rule: ValidationRule, path: string, { schema }: Place): FieldError[] {
  const errors: FieldError[] = [];
  if (rule.message !== undefined && rule.message.trim() === "") {
    errors.push(invalid(`${path}.message`, rule.message, "message must be non-empty if specified"));
  }
  if (rule.message?.includes("\n")) {
    errors.push(invalid(`${path}.message`, rule.message, "message must not contain line breaks"));
  }
  if (rule.reason !== undefined && !reasons.includes(rule.reason)) {
    errors.push(notSupported(`${path}.reason`, rule.reason, reasons));
  }
  if (rule.fieldPath !== undefined && !pathExists(schema, rule.fieldPath)) {
    errors.push(invalid(`${path}.fieldPath`, rule.fieldPath, "fieldPath must be a valid path"));
  }
  if (rule.optionalOldSelf === true) {
    errors.push(forbidden(`${path}.optionalOldSelf`, "the local cluster does not implement optionalOldSelf"));
  }
  return errors;
}

function pathExists(schema: Schema, fieldPath: string): boolean {
  const parts = [...fieldPath.matchAll(/\.([\w-]+)|\['([^']+)'\]/gy)];
  if (parts.map(([text]) => text).join("") !== fieldPath) return false;
  let at: Schema | undefined = schema;
  for (const [, name, quoted] of parts) {
    at = at?.properties?.[name ?? quoted ?? ""] ??
      (isRecord(at?.additionalProperties) ? at.additionalProperties as Schema : undefined);
  }
  return at !== undefined;
}

function costErrors(
  program: CelProgram,
  path: string,
  name: string,
  { type, cardinality }: Place & { type: CelType },
  costs: Costs,
): FieldError[] {
  const cost = maxCostOf(program.ast, type) * (cardinality ?? maxCardinality(type));
  costs.push({ path, cost });
  return cost > ruleCostLimit ? [forbidden(path, costWords(name, cost, ruleCostLimit))] : [];
}

function costWords(name: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const text = factor > 100 ? "more than 100x" : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${name} exceeds budget by factor of ${text} (try simplifying the rule, or adding maxItems, maxProperties, and ` +
    "maxLength where arrays, maps, and strings are declared)";
}
