// pure
import type { KubeObject } from "../../../../contracts/kubernetes.ts";
import { applyFieldMask, type FieldMask } from "./field-mask.ts";

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * A listed object as guests read it: without what only servers and kubectl need, and what its mask leaves out
 * (reference/policy-server.md 5.8.7).
 */
export function trimListed(object: KubeObject, mask: FieldMask | undefined): KubeObject {
  const { [lastApplied]: _dropped, ...annotations } = object.metadata.annotations ?? {};
  return maskObject({ ...object, metadata: { ...object.metadata, annotations, managedFields: [] } }, mask);
}

/** What a mask leaves of an object; its type and metadata are always kept whole. */
export function maskObject(object: KubeObject, mask: FieldMask | undefined): KubeObject {
  if (mask === undefined) return object;
  const { apiVersion, kind, metadata, ...rest } = object;
  return { apiVersion, kind, metadata, ...applyFieldMask(rest, mask) as object };
}
