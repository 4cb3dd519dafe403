// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { FieldError } from "./field-error.ts";
import type { Schema } from "./schema.ts";

/** A column of `kubectl get`: the value comes from a JSONPath into the object. */
export type PrinterColumn = {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
};

/** One kind in one version as the API server serves it: names, schema, and what is special about it. */
export type ResourceType = {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly schema: Schema;
  /** Whether `/status` is a subresource: the main resource then ignores status, `/status` ignores the rest. */
  readonly hasStatus: boolean;
  /** Whether metadata.generation is kept: on custom resources and on built-in kinds that Kubernetes gives one. */
  readonly hasGeneration: boolean;
  readonly columns: readonly PrinterColumn[];
  /** From a CustomResourceDefinition. */
  readonly custom: boolean;
  /** The version that is stored; other versions of a CRD are served by changing apiVersion only. */
  readonly storage: boolean;
  /** Review kinds (SubjectAccessReview, TokenReview) are answered and never stored: they allow `create` only. */
  readonly virtual?: boolean;
  /** Defaults that depend on other fields, in place, after the schema's: use `applyTypeDefaults` of defaults.ts. */
  readonly fillDefaults?: (object: KubeObject) => void;
  /**
   * What the API server's strategy does before validation, beyond schema defaults: returns the object to store.
   * E.g. Secret folds stringData, Service gets a clusterIP, Namespace its finalizer and phase.
   */
  readonly prepareCreate?: (object: KubeObject, context: PrepareContext) => KubeObject;
  readonly prepareUpdate?: (object: KubeObject, old: KubeObject, context: PrepareContext) => KubeObject;
  /** Rules the schema cannot say: immutables, cross-field rules. `old` is there on updates. */
  readonly validate?: (object: KubeObject, old: KubeObject | undefined) => FieldError[];
};

/** What a strategy may ask of the cluster. */
export type PrepareContext = {
  /** A free address of the Service range; the same Service name gets another one each time. */
  readonly allocateClusterIp: () => string;
  readonly now: Date;
};

export function apiVersionOf({ group, version }: Pick<ResourceType, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}

/** `deployments.apps`, or `pods` for the core group: how messages name a resource. */
export function groupResourceOf({ group, plural }: Pick<ResourceType, "group" | "plural">): string {
  return group === "" ? plural : `${plural}.${group}`;
}
