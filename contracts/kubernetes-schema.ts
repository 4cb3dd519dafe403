// pure
import { z } from "zod";
import { isRawNumber, type RawNumber } from "./json.ts";

/**
 * Parts of Kubernetes' own types that our custom resources embed. `meta` carries what a CRD needs beyond JSON Schema
 * (`x-kubernetes-*`, formats); contracts/crds.ts copies it into the CRD.
 */

/** How a CEL rule looks in a CRD. Types it walks carry a maximum, or a real API server refuses the CRD as too costly. */
export type ValidationRule = { rule: string; message: string; fieldPath?: string; reason?: string };

/** Attaches CEL rules to a schema. */
export function rules(...list: ValidationRule[]): { "x-kubernetes-validations": ValidationRule[] } {
  return { "x-kubernetes-validations": list };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);

/** A number written in a form that JavaScript would change; an int64 may be one. */
const rawNumber = z.custom<RawNumber>(isRawNumber);
const listOf = <T extends z.ZodType>(item: T) => z.array(item);
const atomicList = { "x-kubernetes-list-type": "atomic" };
const atomicMap = { "x-kubernetes-map-type": "atomic" };

/** An object passed through as it is, at any depth; the CRD keeps its unknown fields. */
export const anyObject = z.custom<Record<string, unknown>>(isObject).meta({
  type: "object",
  "x-kubernetes-preserve-unknown-fields": true,
});

export const int32 = z.int().meta({ format: "int32" });
export const int64 = z.union([z.int(), rawNumber]).meta({ type: "integer", format: "int64" });
export const intOrString = z.union([z.int(), z.string()]).meta({ "x-kubernetes-int-or-string": true });
export const port = z.int().min(1).max(65535).meta({ format: "int32" });
export const stringMap = z.record(z.string(), z.string());

/** `resource.Quantity`, with the pattern every CRD generator writes. */
export const quantity = z.union([z.int(), z.string(), rawNumber]).meta({
  "x-kubernetes-int-or-string": true,
  pattern:
    "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$",
  maxLength: 64,
});

/** `metav1.LabelSelector`: atomic, as in upstream's CRDs. */
export const labelSelector = z.object({
  matchExpressions: listOf(z.object({
    key: z.string(),
    operator: z.string(),
    values: listOf(z.string()).meta(atomicList).optional(),
  })).meta(atomicList).optional(),
  matchLabels: stringMap.optional(),
}).meta(atomicMap);

const keyRef = z.object({ key: z.string(), name: z.string().default(""), optional: z.boolean().optional() })
  .meta(atomicMap);

/** `core/v1.EnvVar`. */
export const envVar = z.object({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z.object({
    configMapKeyRef: keyRef.optional(),
    fieldRef: z.object({ apiVersion: z.string().optional(), fieldPath: z.string() }).meta(atomicMap).optional(),
    fileKeyRef: z.object({
      key: z.string(),
      optional: z.boolean().default(false),
      path: z.string(),
      volumeName: z.string(),
    }).meta(atomicMap).optional(),
    resourceFieldRef: z.object({
      containerName: z.string().optional(),
      divisor: quantity.optional(),
      resource: z.string(),
    }).meta(atomicMap).optional(),
    secretKeyRef: keyRef.optional(),
  }).optional(),
});

/** `core/v1.Toleration`. */
export const toleration = z.object({
  effect: z.string().optional(),
  key: z.string().optional(),
  operator: z.string().optional(),
  tolerationSeconds: int64.optional(),
  value: z.string().optional(),
});

/** `core/v1.Affinity`: its three parts by name, each passed through whole. */
export const affinity = z.object({
  nodeAffinity: anyObject.optional(),
  podAffinity: anyObject.optional(),
  podAntiAffinity: anyObject.optional(),
});

/**
 * `metav1.Condition`. Only the list-map key is required: status is filled in by several writers in any order.
 * Types, reasons and owners: contracts/README.md.
 */
export const conditions = z.array(z.object({
  lastTransitionTime: z.string().meta({ format: "date-time" }).optional(),
  message: z.string().max(32768).optional(),
  observedGeneration: z.int().min(0).meta({ format: "int64" }).optional(),
  reason: z.string().min(1).max(1024).regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/).optional(),
  status: z.enum(["True", "False", "Unknown"]).optional(),
  type: z.string().max(316).regex(
    /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/,
  ),
})).meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] });
