// pure
import { records, stringEntries, strings } from "./builtin/access.ts";
import { type FieldError, forbidden, invalid, required } from "./field-error.ts";
import { labelValueProblems, problems, qualifiedNameProblems } from "./names.ts";
import { isRecord } from "./schema.ts";

/** Whether a metav1.LabelSelector holds for labels; the empty selector holds for everything. */
export function selectorMatches(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  if (!isRecord(selector)) return true;
  return stringEntries(selector.matchLabels).every(([key, value]) => labels[key] === value) &&
    records(selector.matchExpressions).every((expression) => requirementHolds(expression, labels));
}

function requirementHolds(
  { key, operator, values }: Record<string, unknown>,
  labels: Readonly<Record<string, string>>,
): boolean {
  const present = Object.hasOwn(labels, String(key));
  const listed = present && strings(values).includes(labels[String(key)] ?? "");
  switch (operator) {
    case "In":
      return listed;
    case "NotIn":
      return !listed;
    case "Exists":
      return present;
    case "DoesNotExist":
      return !present;
    default:
      return false;
  }
}

/** What `ValidateLabelSelector` says about a selector. */
export function selectorErrors(path: string, selector: unknown): FieldError[] {
  if (!isRecord(selector)) return [];
  const labels = stringEntries(selector.matchLabels).flatMap(([key, value]) => [
    ...problems(`${path}.matchLabels`, key, qualifiedNameProblems),
    ...problems(`${path}.matchLabels`, value, labelValueProblems),
  ]);
  const expressions = records(selector.matchExpressions).flatMap((expression, index) =>
    requirementErrors(`${path}.matchExpressions[${index}]`, expression)
  );
  return [...labels, ...expressions];
}

function requirementErrors(path: string, { key, operator, values }: Record<string, unknown>): FieldError[] {
  const listed = strings(values);
  const errors = problems(`${path}.key`, String(key ?? ""), qualifiedNameProblems);
  switch (operator) {
    case "In":
    case "NotIn":
      if (listed.length === 0) {
        errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case "Exists":
    case "DoesNotExist":
      if (listed.length > 0) {
        errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    default:
      errors.push(invalid(`${path}.operator`, operator ?? "", "not a valid selector operator"));
  }
  listed.forEach((value, index) => errors.push(...problems(`${path}.values[${index}]`, value, labelValueProblems)));
  return errors;
}
