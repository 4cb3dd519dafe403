// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { SecretFacts } from "./facts.ts";

/** What deciding needs of a Secret's metadata. */
export function secretFacts({ metadata }: KubeObject, metadataInPlace: boolean): SecretFacts {
  return { uid: metadata.uid ?? "", resourceVersion: metadata.resourceVersion ?? "", metadataInPlace };
}

export function hasLabels({ metadata }: KubeObject, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => metadata.labels?.[key] === value);
}
