// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { ResourceType } from "../schema/resource-type.ts";

// deno-lint-ignore no-explicit-any
export function typesOfCrd(crd: KubeObject): ResourceType[] {
  const spec = crd.spec as any;
  return spec.versions.filter((v: any) => v.served).map((v: any): ResourceType => ({
    group: spec.group,
    version: v.name,
    kind: spec.names.kind,
    listKind: spec.names.listKind ?? `${spec.names.kind}List`,
    plural: spec.names.plural,
    singular: spec.names.singular ?? spec.names.kind.toLowerCase(),
    shortNames: spec.names.shortNames ?? [],
    categories: spec.names.categories ?? [],
    namespaced: spec.scope === "Namespaced",
    schema: {
      ...v.schema.openAPIV3Schema,
      properties: {
        apiVersion: { type: "string" },
        kind: { type: "string" },
        ...v.schema.openAPIV3Schema.properties,
        // Whatever a CRD says about it, metadata is ObjectMeta.
        metadata: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
    hasStatus: v.subresources?.status !== undefined,
    hasGeneration: true,
    columns: v.additionalPrinterColumns ?? [],
    custom: true,
    storage: v.storage,
  }));
}
