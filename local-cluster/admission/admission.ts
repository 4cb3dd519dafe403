// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { User } from "../auth/user.ts";
import type { ObjectReader } from "../auth/object-reader.ts";
import type { ResourceType } from "../schema/resource-type.ts";

/** One write as admission sees it. */
export type AdmissionAttributes = {
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly type: ResourceType;
  readonly subresource?: string;
  readonly namespace?: string;
  /** Empty on a create with generateName that has no name yet. */
  readonly name: string;
  readonly user: User;
  /** Absent on DELETE. */
  readonly object?: KubeObject;
  /** Absent on CREATE. */
  readonly oldObject?: KubeObject;
  /** CreateOptions, UpdateOptions, PatchOptions or DeleteOptions with apiVersion meta.k8s.io/v1 and kind. */
  readonly options: Record<string, unknown>;
  readonly dryRun: boolean;
};

/** Certificate and key of who calls webhooks, as PEM. */
export type ClientCertificate = { readonly cert: string; readonly key: string };

export type AdmissionContext = {
  readonly reader: ObjectReader;
  /** A ready pod behind a Service's port, or undefined: `no endpoints available for service "x"`. */
  readonly resolveService: (service: { namespace: string; name: string; port: number }) =>
    | { host: string; port: number }
    | undefined;
  /** What webhooks are shown if they ask for a certificate; a real API server has it in its AdmissionConfiguration. */
  readonly clientCertificate?: () => ClientCertificate | undefined;
  /** Defaults (and prunes) an object again after a webhook changed it. */
  readonly renormalize: (type: ResourceType, object: KubeObject) => KubeObject;
  /** How long after a write a changed webhook configuration or namespace label is seen; 0 without disturbances. */
  readonly configurationDelayMs?: () => number;
};

/** What admission did: the object to store and the texts for Warning headers. */
export type Admitted = { readonly object: KubeObject | undefined; readonly warnings: readonly string[] };

/** Mutating plugins and webhooks, then (after the caller validated the result) validating ones. Both throw StatusError (../schema/status-error.ts). */
export type Admission = {
  mutate(attributes: AdmissionAttributes, signal: AbortSignal): Promise<Admitted>;
  validate(attributes: AdmissionAttributes, signal: AbortSignal): Promise<{ readonly warnings: readonly string[] }>;
  /** Told of every stored change of a webhook configuration, so that it is seen late but surely. */
  configurationChanged(): void;
  stop(): void;
};
