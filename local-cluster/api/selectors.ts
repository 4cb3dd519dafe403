// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { badRequest } from "./failures.ts";
import { valueAt } from "./values.ts";

export type ObjectFilter = (object: KubeObject) => boolean;

type Requirement = { key: string; operator: "=" | "!=" | "in" | "notin" | "exists" | "!"; values: string[] };

/** A label selector in query syntax: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Throws 400 where it cannot be read. */
export function labelFilter(selector: string | null): ObjectFilter {
  const requirements = splitOutsideParentheses(selector ?? "").map(parseRequirement);
  return ({ metadata }) => requirements.every((each) => meets(each, metadata.labels?.[each.key]));
}

/** A field selector (`metadata.name=x,status.phase!=Running`); only the fields Kubernetes selects by, 400 otherwise. */
export function fieldFilter(selector: string | null, resource: string): ObjectFilter {
  const requirements = (selector ?? "").split(",").filter((each) => each !== "").map((text) => {
    const match = /^([^=!]+)(==|!=|=)(.*)$/.exec(text);
    if (!match) throw badRequest(`invalid selector: '${selector}'; can't understand '${text}'`);
    const [, field = "", operator, value = ""] = match;
    if (!selectableFields(resource).includes(field)) {
      throw badRequest(
        `Unable to find "${resource}" that match label selector "", field selector "${selector}": ` +
          `field label not supported: ${field}`,
      );
    }
    return { field, wanted: operator !== "!=", value };
  });
  return (object) => requirements.every(({ field, wanted, value }) => (fieldOf(object, field) === value) === wanted);
}

/** The `metadata.name=x` of a selector, which makes a list or watch one of a single object (RBAC resourceNames). */
export function selectedName(selector: string | null): string | undefined {
  return /^metadata\.name==?([^,]+)$/.exec(selector ?? "")?.[1];
}

const fieldsByResource: Record<string, string[]> = {
  pods: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.phase",
    "status.podIP",
  ],
  secrets: ["type"],
  namespaces: ["status.phase"],
  events: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  replicasets: ["status.replicas"],
  services: ["spec.clusterIP", "spec.type"],
};

function selectableFields(resource: string): string[] {
  return ["metadata.name", "metadata.namespace", ...fieldsByResource[resource] ?? []];
}

function fieldOf(object: KubeObject, field: string): string {
  const value = valueAt(object, ...field.split("."));
  return value === undefined || value === null ? "" : String(value);
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((each) => each.trim()).filter((each) => each !== "");
}

function parseRequirement(text: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set) {
    const values = (set[3] ?? "").split(",").map((each) => each.trim());
    return { key: set[1] ?? "", operator: set[2] as "in" | "notin", values };
  }
  const equality = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$/.exec(text);
  if (equality) {
    return { key: equality[1] ?? "", operator: equality[2] === "!=" ? "!=" : "=", values: [equality[3] ?? ""] };
  }
  const presence = /^(!?)\s*([^=!\s(),]+)$/.exec(text);
  if (!presence) throw badRequest(`unable to parse requirement: cannot understand "${text}"`);
  return { key: presence[2] ?? "", operator: presence[1] === "!" ? "!" : "exists", values: [] };
}

function meets({ operator, values }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "=":
    case "in":
      return value !== undefined && values.includes(value);
    default:
      return value === undefined || !values.includes(value);
  }
}
