import type { KubeObject } from "../../contracts/kubernetes.ts";
import { isRawNumber } from "../../contracts/json.ts";
import type { ResourceType } from "../schema/resource-type.ts";
import { builtinColumns, type Column } from "./table-columns.ts";
import { firstAtPath } from "./json-path.ts";
import { age } from "./age.ts";

/** meta.k8s.io/v1 Table of objects, as `kubectl get` asks for it. */
export function tableOf(
  type: ResourceType,
  objects: readonly KubeObject[],
  { now, metadata = {}, include = "Metadata" }: { now: Date; metadata?: Record<string, unknown>; include?: string },
): unknown {
  const columns = columnsOf(type);
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: columns.map(({ name, type: valueType, format = "", description = "", priority = 0 }) => ({
      name,
      type: valueType,
      format,
      description,
      priority,
    })),
    rows: objects.map((object) => ({
      cells: columns.map(({ valueOf }) => valueOf(object, now)),
      ...(include === "None" ? {} : { object: include === "Object" ? object : partialOf(object) }),
    })),
  };
}

/** meta.k8s.io/v1 PartialObjectMetadata. */
export function partialOf(object: KubeObject): unknown {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
  valueOf: ({ metadata }) => metadata.name,
};
const ageColumn: Column = {
  name: "Age",
  type: "string",
  description: "Time since the object was created.",
  valueOf: ({ metadata }, now) => age(metadata.creationTimestamp, now),
};

function columnsOf(type: ResourceType): Column[] {
  const builtin = type.custom ? undefined : builtinColumns(type);
  if (builtin) {
    const saysAge = builtin.some(({ name }) => name === "Age" || name === "Created At");
    const saysName = builtin.some(({ name }) => name === "Name");
    return [...(saysName ? [] : [nameColumn]), ...builtin, ...(saysAge ? [] : [ageColumn])];
  }
  if (type.columns.length === 0) return [nameColumn, ageColumn];
  return [
    nameColumn,
    ...type.columns.map((column): Column => ({
      ...column,
      valueOf: (object, now) => cellOf(firstAtPath(object, column.jsonPath), column.type, now),
    })),
  ];
}

function cellOf(value: unknown, type: string, now: Date): unknown {
  if (value === undefined || value === null) return type === "date" ? "<unknown>" : null;
  if (type === "date") return age(String(value), now);
  if (type === "integer" || type === "number" || type === "boolean") return value;
  return typeof value === "object" && !isRawNumber(value) ? JSON.stringify(value) : String(value);
}
