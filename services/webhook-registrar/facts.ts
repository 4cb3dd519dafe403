// pure
import type { KubeObject, ObjectRef, OwnerReference } from "../../contracts/kubernetes.ts";
import type { PolicyKind } from "../../contracts/names.ts";
import type { Policy } from "../../contracts/policy.ts";
import type { Guard } from "./deadlock-guard.ts";

export type WebhookKind = "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration";

/** A policy's webhook configurations, of either kind. */
export type Webhooks = Partial<Record<WebhookKind, KubeObject>>;

/** The PolicyServer that a policy names, as it stands now. */
export type ServerOfPolicy = {
  name: string;
  uid: string;
  terminating: boolean;
  /** Since when no pod of it is ready, as the reconciler saw it; absent while one is, or nothing is known. */
  unavailableSince?: string;
  /** Public PEM certificates that its webhooks must trust; absent until `certs` published them. */
  caBundle?: string;
};

/** One pass over one policy. */
export type PolicyFacts = {
  about: "policy";
  policy: Policy;
  /** Where policy servers run. */
  namespace: string;
  /** That namespace as the owner of every webhook; absent if there is no such Namespace. */
  owner?: OwnerReference;
  /** User names of our controllers. */
  controllers: readonly string[];
  server?: ServerOfPolicy;
  /** Those that bear the policy's unique name and are not another policy's. */
  webhooks: Webhooks;
  /** Kinds under which another policy's webhook bears that name (reference/controller.md 10, B3): hands off. */
  taken: WebhookKind[];
  /** What the policy's deadlock guard says now; absent without one. */
  guard?: Guard;
  /** Why the present generation is not valid: what stands keeps the rules of the last one that was. */
  invalid?: string;
  /** The gate is open, but the server's Deployment has no ready pod now. */
  deserted?: boolean;
  /** The API server's words about the webhook it would have to accept now. */
  refusal?: string;
};

/** One pass over one PolicyServer. */
export type ServerFacts = {
  about: "server";
  target: ObjectRef & { uid: string };
  generation?: number;
  terminating: boolean;
  /** Digest and base64 form of `status.caBundle`. */
  bundle?: { digest: string; base64: string };
  /** What was confirmed before. */
  trustedCaDigest?: string;
  /** Webhook configurations of policies of this server; `refused` ones cannot be brought up to date. */
  registered: { name: string; bundles: string[]; refused: boolean }[];
  /** Configurations that call this server, from a live list; only while it terminates. */
  remaining?: ObjectRef[];
};

/** A policy that is gone while a webhook of its name and kind still stands. */
export type OrphanFacts = { about: "orphan"; kind: PolicyKind; webhooks: KubeObject[] };

export type NothingFacts = { about: "nothing" };

export type Observed = PolicyFacts | ServerFacts | OrphanFacts | NothingFacts;
