// pure
import { z } from "zod";
import { apiGroup, type PolicyKind, policyKindNames, policyKinds } from "./names.ts";
import { policySpecs, policyStatus } from "./policy.ts";
import { policyServerSpec, policyServerStatus } from "./policy-server.ts";
import { rules } from "./kubernetes-schema.ts";

/** A structural schema, as a CustomResourceDefinition holds it. */
export type StructuralSchema = { [key: string]: unknown };

type Column = { name: string; type: string; jsonPath: string; priority?: number };
type Kind = {
  kind: string;
  plural: string;
  shortName: string;
  namespaced: boolean;
  description: string;
  columns: Column[];
  schema: z.ZodObject;
};

const column = (name: string, type: string, jsonPath: string): Column => ({ name, type, jsonPath });
const annotationColumn = (name: string, annotation: string): Column => ({
  name,
  type: "string",
  jsonPath: `.metadata.annotations['${annotation.replaceAll(".", "\\.")}']`,
  priority: 1,
});

/** Columns of `kubectl get`. Source: reference/controller.md 1.2. */
const policyColumns = [
  column("Policy Server", "string", ".spec.policyServer"),
  column("Mutating", "boolean", ".spec.mutating"),
  column("BackgroundAudit", "boolean", ".spec.backgroundAudit"),
  column("Mode", "string", ".spec.mode"),
  column("Observed mode", "string", ".status.mode"),
  column("Status", "string", ".status.policyStatus"),
  column("Age", "date", ".metadata.creationTimestamp"),
  annotationColumn("Severity", "io.kubewarden.policy.severity"),
  annotationColumn("Category", "io.kubewarden.policy.category"),
];

const policyDescriptions: Record<PolicyKind, string> = {
  AdmissionPolicy: "A policy for the requests of its own namespace",
  AdmissionPolicyGroup: "Several modules under one boolean expression, for the requests of its own namespace",
  ClusterAdmissionPolicy: "A policy for requests anywhere in the cluster",
  ClusterAdmissionPolicyGroup: "Several modules under one boolean expression, for requests anywhere in the cluster",
};

const kinds: Kind[] = [
  {
    kind: "PolicyServer",
    plural: "policyservers",
    shortName: "ps",
    namespaced: false,
    description: "A set of Pods that evaluate the policies bound to it",
    columns: [column("Replicas", "string", ".spec.replicas"), column("Image", "string", ".spec.image")],
    schema: z.object({ spec: policyServerSpec, status: policyServerStatus.optional() }).meta(
      rules({ rule: "size(self.metadata.name) <= 63", message: "the name must be no more than 63 characters" }),
    ),
  },
  ...policyKindNames.map((kind): Kind => ({
    kind,
    ...policyKinds[kind],
    description: policyDescriptions[kind],
    columns: policyColumns,
    schema: z.object({ spec: policySpecs[kind], status: policyStatus.optional() }),
  })),
];

/** The CustomResourceDefinitions of all five kinds, by plural name. */
export function crds(): Record<string, Record<string, unknown>> {
  return Object.fromEntries(kinds.map((kind) => [kind.plural, crdFor(kind)]));
}

function crdFor({ kind, plural, shortName, namespaced, description, columns, schema }: Kind): Record<string, unknown> {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${apiGroup}` },
    spec: {
      group: apiGroup,
      names: { kind, listKind: `${kind}List`, plural, shortNames: [shortName], singular: kind.toLowerCase() },
      scope: namespaced ? "Namespaced" : "Cluster",
      versions: [{
        additionalPrinterColumns: columns,
        name: "v1",
        schema: { openAPIV3Schema: rootSchemaFor(schema, description) },
        served: true,
        storage: true,
        subresources: { status: {} },
      }],
    },
  };
}

function rootSchemaFor(schema: z.ZodObject, description: string): StructuralSchema {
  const { properties, ...rest } = structuralSchemaFor(schema);
  const identity = {
    apiVersion: { description: "Version of this object's schema", type: "string" },
    kind: { description: "Kind of this object", type: "string" },
    metadata: { type: "object" },
  };
  return { description, ...rest, properties: { ...identity, ...properties as Record<string, unknown> } };
}

/**
 * Turns a zod schema into a structural one: no `$ref`, `null` as `nullable`, unions only as int-or-string, closed
 * objects by pruning instead of `additionalProperties: false`. Throws where a schema uses what a CRD cannot say.
 */
export function structuralSchemaFor(schema: z.ZodType): StructuralSchema {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", target: "draft-7", reused: "inline" });
  return structural(json as StructuralSchema, "schema");
}

// Keywords kept as they are; every other one is translated below or refused.
const kept = [
  "default",
  "description",
  "enum",
  "format",
  "maximum",
  "maxItems",
  "maxLength",
  "maxProperties",
  "minimum",
  "minItems",
  "minLength",
  "minProperties",
  "nullable",
  "pattern",
  "required",
  "type",
];
const dropped = ["$schema", "propertyNames"];

function structural(json: StructuralSchema, at: string): StructuralSchema {
  const result: StructuralSchema = {};
  const intOrString = json["x-kubernetes-int-or-string"] === true;
  for (const [key, value] of Object.entries(json)) {
    if (key.startsWith("x-kubernetes-")) {
      if (!Array.isArray(value) || value.length > 0) result[key] = value;
    } else if (kept.includes(key) && !(key === "type" && Array.isArray(value))) result[key] = value;
    else if (key === "properties") {
      const properties = Object.entries(value as Record<string, StructuralSchema>);
      result[key] = Object.fromEntries(properties.map(([name, each]) => [name, structural(each, `${at}.${name}`)]));
    } else if (
      (key === "items" && !Array.isArray(value)) || (key === "additionalProperties" && typeof value === "object")
    ) {
      result[key] = structural(value as StructuralSchema, `${at}.${key}`);
    } else if (key === "additionalProperties" && value === false) continue;
    else if (key === "anyOf" && (intOrString || json.type !== undefined)) continue;
    else if (!dropped.includes(key)) throw new TypeError(`${at}: a CRD cannot hold "${key}: ${JSON.stringify(value)}"`);
  }
  if (intOrString) {
    delete result.type;
    result.anyOf = [{ type: "integer" }, { type: "string" }];
  }
  if (result.type === "integer") dropSafeBounds(result);
  return result;
}

/** zod bounds every integer by what JavaScript holds; a CRD says `format` instead. */
function dropSafeBounds(schema: StructuralSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}
