import type { KubeObject } from "../../contracts/kubernetes.ts";
import { recordAt, records, strings } from "./builtin/access.ts";
import { schemaOfModel } from "./builtin/schemas.ts";
import { equalJson } from "./clone.ts";
import { crdRuleErrors } from "./crd-cel.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "./field-error.ts";
import { dns1035LabelProblems, dnsSubdomainProblems, problems } from "./names.ts";
import type { PrinterColumn, ResourceType } from "./resource-type.ts";
import { isRecord, type Schema } from "./schema.ts";
import { immutable } from "./metadata.ts";
import { structuralErrors } from "./structural.ts";

const columnTypes = ["boolean", "date", "integer", "number", "string"];

/** What the API server says about a CustomResourceDefinition (apiextensions `ValidateCustomResourceDefinition`). */
export function validateCrd(crd: KubeObject, old?: KubeObject): FieldError[] {
  const spec = recordAt(crd, "spec") ?? {};
  const names = recordAt(spec, "names") ?? {};
  const group = String(spec.group ?? "");
  const versions = records(spec.versions);
  const expected = `${names.plural}.${group}`;
  return [
    ...(crd.metadata.name === expected
      ? []
      : [invalid("metadata.name", crd.metadata.name, `must be spec.names.plural+"."+spec.group`)]),
    ...groupErrors(crd, group),
    ...nameErrors(names),
    ...versionErrors(versions),
    ...schemaErrorsOf(versions, old),
    ...conversionErrors(recordAt(spec, "conversion")),
    ...(old ? changeErrors(crd, old) : []),
  ];
}

function groupErrors(crd: KubeObject, group: string): FieldError[] {
  const errors = problems("spec.group", group, dnsSubdomainProblems);
  if (!group.includes(".")) errors.push(invalid("spec.group", group, "should be a domain with at least one dot"));
  const isProtected = /(^|\.)(k8s|kubernetes)\.io$/.test(group);
  if (isProtected && !crd.metadata.annotations?.["api-approved.kubernetes.io"]) {
    errors.push(required(
      "metadata.annotations[api-approved.kubernetes.io]",
      'protected groups must have approval annotation "api-approved.kubernetes.io", see ' +
        "https://github.com/kubernetes/enhancements/pull/1111",
    ));
  }
  return errors;
}

function nameErrors(names: Record<string, unknown>): FieldError[] {
  const lower = (field: string) => problems(`spec.names.${field}`, String(names[field] ?? ""), dns1035LabelProblems);
  const kind = (field: string) =>
    problems(`spec.names.${field}`, String(names[field] ?? "").toLowerCase(), dns1035LabelProblems);
  return [
    ...lower("plural"),
    ...lower("singular"),
    ...kind("kind"),
    ...kind("listKind"),
    ...strings(names.shortNames).flatMap((each, index) =>
      problems(`spec.names.shortNames[${index}]`, each, dns1035LabelProblems)
    ),
    ...strings(names.categories).flatMap((each, index) =>
      problems(`spec.names.categories[${index}]`, each, dns1035LabelProblems)
    ),
    ...(names.kind === names.listKind
      ? [invalid("spec.names.listKind", names.listKind, "kind and listKind may not be the same")]
      : []),
  ];
}

function versionErrors(versions: Record<string, unknown>[]): FieldError[] {
  if (versions.length === 0) return [required("spec.versions")];
  const stored = versions.filter(({ storage }) => storage === true);
  return [
    ...versions.flatMap(({ name, schema, additionalPrinterColumns, subresources }, index) => {
      const path = `spec.versions[${index}]`;
      return [
        ...problems(`${path}.name`, String(name), dns1035LabelProblems),
        ...(versions.findIndex((each) => each.name === name) < index ? [duplicate(`${path}.name`, name)] : []),
        ...(recordAt(schema, "openAPIV3Schema")
          ? []
          : [required(`${path}.schema.openAPIV3Schema`, "schemas are required")]),
        ...records(additionalPrinterColumns).flatMap((each, at) =>
          columnErrors(`${path}.additionalPrinterColumns[${at}]`, each)
        ),
        ...(recordAt(subresources, "scale")
          ? [forbidden(`${path}.subresources.scale`, "the local cluster does not implement scale of custom resources")]
          : []),
      ];
    }),
    ...(stored.length === 1 ? [] : [invalid(
      "spec.versions",
      versions.map(({ name }) => name),
      "must have exactly one version marked as storage version",
    )]),
  ];
}

function columnErrors(path: string, { name, type, jsonPath }: Record<string, unknown>): FieldError[] {
  return [
    ...(name ? [] : [required(`${path}.name`)]),
    ...(type
      ? columnTypes.includes(String(type)) ? [] : [notSupported(`${path}.type`, type, columnTypes)]
      : [required(`${path}.type`)]),
    ...(typeof jsonPath !== "string" || jsonPath === ""
      ? [required(`${path}.jsonPath`)]
      : /^\.([\w-]|\[|$)/.test(jsonPath)
      ? []
      : [invalid(`${path}.jsonPath`, jsonPath, "must be a simple json path starting with .")]),
  ];
}

/** Versions with one and the same schema are spoken of as `spec.validation`, as upstream's internal type has them. */
function schemaErrorsOf(versions: Record<string, unknown>[], old: KubeObject | undefined): FieldError[] {
  const schemas = versions.map(({ schema }) => recordAt(schema, "openAPIV3Schema"));
  const oldSchemas = records(recordAt(old, "spec")?.versions).map(({ schema }) => recordAt(schema, "openAPIV3Schema"));
  const [first] = schemas;
  const places = schemas.every((each) => equalJson(each, first))
    ? [{ schema: first, path: "spec.validation.openAPIV3Schema" }]
    : schemas.map((schema, index) => ({ schema, path: `spec.versions[${index}].schema.openAPIV3Schema` }));
  return places.flatMap(({ schema, path }) => {
    // A schema that was accepted once is not judged again.
    if (!schema || oldSchemas.some((each) => equalJson(each, schema))) return [];
    const structural = structuralErrors(schema, path);
    return structural.length > 0 ? structural : crdRuleErrors(schema, path);
  });
}

function conversionErrors(conversion: Record<string, unknown> | undefined): FieldError[] {
  return conversion?.strategy === "Webhook"
    ? [forbidden("spec.conversion.strategy", "the local cluster does not implement conversion webhooks")]
    : [];
}

function changeErrors(crd: KubeObject, old: KubeObject): FieldError[] {
  const spec = recordAt(crd, "spec") ?? {}, oldSpec = recordAt(old, "spec") ?? {};
  const established = records(recordAt(old, "status")?.conditions).some(({ type, status }) =>
    type === "Established" && status === "True"
  );
  const stored = strings(recordAt(old, "status")?.storedVersions);
  const gone = stored.filter((name) => !records(spec.versions).some((each) => each.name === name));
  return [
    ...(established ? immutable("spec.scope", spec.scope, oldSpec.scope) : []),
    ...(established
      ? immutable("spec.names.kind", recordAt(spec, "names")?.kind, recordAt(oldSpec, "names")?.kind)
      : []),
    ...immutable("spec.group", spec.group, oldSpec.group),
    ...immutable("spec.names.plural", recordAt(spec, "names")?.plural, recordAt(oldSpec, "names")?.plural),
    ...gone.map((name) =>
      invalid(`status.storedVersions[${stored.indexOf(name)}]`, name, "must appear in spec.versions")
    ),
  ];
}

/** The served versions of an accepted CRD as types: with metadata's schema and defaulted names, columns and subresources. */
export function typesOfCrd(crd: KubeObject): ResourceType[] {
  const spec = recordAt(crd, "spec") ?? {};
  const names = recordAt(spec, "names") ?? {};
  const kind = String(names.kind);
  return records(spec.versions).filter(({ served }) => served === true).map((version) => ({
    group: String(spec.group),
    version: String(version.name),
    kind,
    listKind: String(names.listKind ?? `${kind}List`),
    plural: String(names.plural),
    singular: String(names.singular ?? kind.toLowerCase()),
    shortNames: strings(names.shortNames),
    categories: strings(names.categories),
    namespaced: spec.scope === "Namespaced",
    schema: withMetadata((recordAt(version.schema, "openAPIV3Schema") ?? {}) as Schema),
    hasStatus: isRecord(recordAt(version, "subresources")?.status),
    hasGeneration: true,
    columns: columnsOf(version),
    custom: true,
    storage: version.storage === true,
  }));
}

const age: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

function columnsOf(version: Record<string, unknown>): PrinterColumn[] {
  const columns = records(version.additionalPrinterColumns) as unknown as PrinterColumn[];
  return columns.length > 0 ? columns : [age];
}

/** apiVersion, kind and metadata are there whatever the CRD says about them; bounds on the name are kept. */
function withMetadata(schema: Schema): Schema {
  const standard = schemaOfModel("V1ObjectMeta");
  const own = schema.properties?.metadata?.properties ?? {};
  const properties = { ...standard.properties };
  for (const [name, bounds] of Object.entries(own)) properties[name] = { ...properties[name], ...bounds };
  return {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { ...standard, properties },
    },
  };
}
