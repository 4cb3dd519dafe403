import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { labels, partOfValue } from "../../../contracts/names.ts";
import type { Membership } from "./holding.ts";

/** Leases of one service's replicas are found by this label. */
export const shardsLabel = "kubewarden.io/shards";
const epochAnnotation = "kubewarden.io/shard-epoch";
const membersAnnotation = "kubewarden.io/shard-members";
/** Holder of the Lease that a leader would hold: leaders and members keep each other out. */
export const sharedHolder = "shards";
export const leaseKind = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };

export type LeaseSpec = {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
};

export const specOf = (lease: KubeObject | undefined): LeaseSpec => (lease?.spec ?? {}) as LeaseSpec;

/** Names of Leases are DNS names. */
export function memberLeaseName(service: string, member: string): string {
  return `${service}-member-${member.toLowerCase().replace(/[^a-z0-9.-]/g, "-")}`;
}

/** The member whose Lease this is; `undefined` for the one that all share. */
export function memberOf(lease: KubeObject): string | undefined {
  const { holderIdentity } = specOf(lease);
  return holderIdentity === sharedHolder ? undefined : holderIdentity;
}

/** The epoch that a member confirmed. */
export function confirmedEpoch({ metadata }: KubeObject): string {
  return metadata.annotations?.[epochAnnotation] ?? "";
}

export function membershipIn({ metadata }: KubeObject): Membership {
  const members = (metadata.annotations?.[membersAnnotation] ?? "").split(",").filter((each) => each !== "");
  return { epoch: confirmedEpoch({ metadata } as KubeObject), members };
}

type Renewal = { service: string; spec: LeaseSpec };

/** A member's own Lease, with what it confirms. */
export function memberLease(
  standing: KubeObject | undefined,
  { service, name, namespace, epoch, spec }: Renewal & { name: string; namespace: string; epoch: string },
): KubeObject {
  const annotations = { [epochAnnotation]: epoch };
  return leaseWith(standing ?? { ...leaseKind, metadata: { name, namespace } }, { service, annotations, spec });
}

/** The Lease that all members share, with who they are. */
export function sharedLease(
  standing: KubeObject,
  { service, membership, spec }: Renewal & { membership: Membership },
): KubeObject {
  const annotations = { [epochAnnotation]: membership.epoch, [membersAnnotation]: membership.members.join(",") };
  return leaseWith(standing, { service, annotations, spec });
}

function leaseWith(
  lease: KubeObject,
  { service, annotations, spec }: Renewal & { annotations: Record<string, string> },
): KubeObject {
  const { metadata } = lease;
  const own = { [shardsLabel]: service, [labels.component]: service, [labels.partOf]: partOfValue };
  return {
    ...lease,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, ...own },
      annotations: { ...metadata.annotations, ...annotations },
    },
    spec: { ...specOf(lease), ...spec },
  };
}
