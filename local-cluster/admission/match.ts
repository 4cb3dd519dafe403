// pure
import { recordAt, records, stringEntries, strings } from "../schema/builtin/access.ts";
import { selectorMatches } from "../schema/label-selector.ts";
import type { ObjectReader } from "../auth/object-reader.ts";
import { StatusError } from "../schema/status-error.ts";
import type { AdmissionAttributes } from "./admission.ts";

/** One entry of a webhook configuration, as stored. */
export type Webhook = Record<string, unknown>;

/** Whether a request goes to a webhook by its rules and selectors; matchConditions come after. */
export function webhookMatches(webhook: Webhook, attributes: AdmissionAttributes, reader: ObjectReader): boolean {
  return records(webhook.rules).some((rule) => ruleMatches(rule, attributes)) &&
    objectSelected(webhook.objectSelector, attributes) &&
    namespaceSelected(webhook.namespaceSelector, attributes, reader);
}

function ruleMatches(
  rule: Record<string, unknown>,
  { operation, type, subresource = "" }: AdmissionAttributes,
): boolean {
  const listed = (field: string, value: string) => {
    const values = strings(rule[field]);
    return values.includes("*") || values.includes(value);
  };
  const isNamespace = type.group === "" && type.kind === "Namespace";
  // A Namespace counts as cluster-scoped although its requests carry a namespace.
  const scope = type.namespaced && !isNamespace ? "Namespaced" : "Cluster";
  return listed("operations", operation) && listed("apiGroups", type.group) && listed("apiVersions", type.version) &&
    (rule.scope === undefined || rule.scope === "*" || rule.scope === scope) &&
    strings(rule.resources).some((each) => {
      const [resource = "", sub = ""] = each.split("/");
      return (resource === "*" || resource === type.plural) && (sub === "*" || sub === subresource);
    });
}

/** Old or new: an object that leaves or enters the selection is sent too. */
function objectSelected(selector: unknown, { object, oldObject }: AdmissionAttributes): boolean {
  if (isEmpty(selector)) return true;
  return [object, oldObject].some((each) => each && selectorMatches(selector, labelsOf(each)));
}

/** Cluster-scoped objects are never left out by a namespaceSelector; a Namespace is judged by its own labels. */
function namespaceSelected(selector: unknown, attributes: AdmissionAttributes, reader: ObjectReader): boolean {
  const { type, namespace, operation, object } = attributes;
  const isNamespace = type.group === "" && type.kind === "Namespace";
  if ((!namespace && !isNamespace) || isEmpty(selector)) return true;
  if (isNamespace && !attributes.subresource && operation !== "DELETE" && object) {
    return selectorMatches(selector, labelsOf(object));
  }
  const stored = reader.get({ apiVersion: "v1", kind: "Namespace", name: namespace ?? attributes.name });
  if (!stored) {
    if (isNamespace) return selectorMatches(selector, attributes.oldObject ? labelsOf(attributes.oldObject) : {});
    throw new StatusError(404, "NotFound", `namespaces "${namespace}" not found`, {
      name: namespace ?? "",
      kind: "namespaces",
    });
  }
  return selectorMatches(selector, labelsOf(stored));
}

function isEmpty(selector: unknown): boolean {
  const { matchLabels, matchExpressions } = recordAt({ selector }, "selector") ?? {};
  return stringEntries(matchLabels).length === 0 && records(matchExpressions).length === 0;
}

function labelsOf(object: { metadata: { labels?: Record<string, string> } }): Record<string, string> {
  return Object.fromEntries(stringEntries(object.metadata.labels));
}
