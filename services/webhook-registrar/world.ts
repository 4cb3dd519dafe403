import type { KubeObject, OwnerReference } from "../../contracts/kubernetes.ts";
import { ownedObjectName, type PolicyKind, uniqueName } from "../../contracts/names.ts";
import type { PolicyServerStatus } from "../../contracts/policy-server.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { ObjectIndex } from "../../runtime/kube/object-index.ts";
import { entriesOf, type webhookKinds } from "./webhook.ts";

/** Where objects come from: the part of a `WatchCache` that reading needs. */
export type ObjectSource = {
  list(): readonly KubeObject[];
  get(name: string, namespace?: string): KubeObject | undefined;
};

/** All that a pass can look at. */
export type World = {
  kube: Kube;
  fieldManager: string;
  /** The deployments namespace. */
  namespace: string;
  /** That namespace as the owner of every webhook; absent if there is no such Namespace. */
  owner?: OwnerReference;
  /** User names of our controllers. */
  controllers: readonly string[];
  servers: ObjectSource;
  policies: Record<PolicyKind, ObjectSource>;
  webhooks: Record<(typeof webhookKinds)[number], ObjectSource>;
  /** Policies of all kinds by unique name. */
  policiesNamed: ObjectIndex;
  /** Webhook configurations of both kinds by the PolicyServers they call. */
  webhooksOf: ObjectIndex;
  /** Resolves once the passes over policies that are in progress now have ended. */
  policyPassesEnded: () => Promise<void>;
  now: () => Date;
};

/** Policies of all four kinds. */
export function allPolicies(policies: World["policies"]): KubeObject[] {
  return Object.values(policies).flatMap((each) => each.list());
}

/** The unique name of a policy of any kind. */
export function uniqueNameOf({ kind, metadata }: KubeObject): string {
  return uniqueName(kind as PolicyKind, metadata);
}

/** Whether a webhook configuration calls the Service of a policy server. */
export function callsServer(configuration: KubeObject, server: string, namespace: string): boolean {
  return entriesOf(configuration).some(({ clientConfig: { service } }) =>
    service?.namespace === namespace && service.name === ownedObjectName(server)
  );
}

/** What is said about a PolicyServer so far. */
export function serverStatus(server: KubeObject): PolicyServerStatus {
  return server.status as PolicyServerStatus | undefined ?? {};
}
