// pure
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";

/** The reference of an object to be written, whichever incarnation there is. */
export function refFor({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): ObjectRef {
  return { apiVersion, kind, name, namespace };
}

/** `Secret "namespace/name"`, for messages. */
export function named(thing: ObjectRef | KubeObject): string {
  const { name, namespace } = "metadata" in thing ? (thing as KubeObject).metadata : thing as ObjectRef;
  return `${thing.kind} "${namespace ? `${namespace}/` : ""}${name || "(generated)"}"`;
}
