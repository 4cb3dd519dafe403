// pure

/** The parts of Kubernetes' API machinery that our contracts mention, spelled as Kubernetes spells them. */
export type ObjectMeta = {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  [key: string]: unknown;
};

export type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

/** Any Kubernetes object. Numbers that JavaScript cannot hold are `RawNumber` (contracts/json.ts). */
export type KubeObject = {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [key: string]: unknown;
};

/** Which kind of object: enough to build a REST path once the plural is known. */
export type KindRef = { apiVersion: string; kind: string };

/** One object by name. `uid` makes a reference to one incarnation of it. */
export type ObjectRef = KindRef & { name: string; namespace?: string; uid?: string };

export type ConditionStatus = "True" | "False" | "Unknown";

/** metav1.Condition. */
export type Condition = {
  type: string;
  status: ConditionStatus;
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
};

/** The reference of an object that was read. */
export function refOf(object: KubeObject): ObjectRef {
  const { name, namespace, uid } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, name, namespace, uid };
}

/** An ownerReference as upstream writes it: neither controller nor blockOwnerDeletion (reference/controller.md 3.2). */
export function ownerReferenceTo(owner: KubeObject): OwnerReference {
  return { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name, uid: owner.metadata.uid ?? "" };
}
