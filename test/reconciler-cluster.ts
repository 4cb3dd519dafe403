import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { apiVersion, ownedObjectName } from "../contracts/names.ts";
import type { Kube } from "../runtime/kube/kube.ts";
import { type ControllersCluster, startControllersCluster } from "./controllers-cluster.ts";

export const serverRef = { apiVersion, kind: "PolicyServer", name: "default" };

/** A cluster where of the three controllers only the reconciler runs; the Secret of PolicyServer `default` is there. */
export async function startReconcilerCluster(options: { withDefaults?: boolean } = {}): Promise<ControllersCluster> {
  const started = await startControllersCluster({
    ...options,
    change: (object) => object.kind === "Deployment" && object.metadata.name !== "reconciler" ? undefined : object,
  });
  await started.kube.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: ownedObjectName("default"), namespace: "kubewarden" },
    stringData: { "tls.crt": "crt", "tls.key": "key" },
  });
  return started;
}

/** A policy on PolicyServer `default`, with a module of its own. */
export function policy(name: string, spec: object = {}): KubeObject {
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], operations: ["CREATE"] }];
  return {
    apiVersion,
    kind: "ClusterAdmissionPolicy",
    metadata: { name },
    spec: { module: `https://x.example/${name}.wasm`, mutating: false, rules, ...spec },
  };
}

export async function existing(kube: Kube, ref: ObjectRef): Promise<KubeObject> {
  const object = await kube.get(ref);
  if (!object) throw new Error(`${ref.kind} ${ref.name} does not exist`);
  return object;
}

type Saying = {
  /** Who says it. */
  by: "certs" | "webhook-registrar";
  type: string;
  observedGeneration?: number;
};

/** Writes a condition that is True to the status of an object, as another service would. */
export async function say(kube: Kube, ref: ObjectRef, { by, type, observedGeneration = 1 }: Saying): Promise<void> {
  const { apiVersion, kind, name } = ref, { uid } = (await existing(kube, ref)).metadata;
  const lastTransitionTime = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const said = { reason: "ReconciliationSucceeded", message: "", lastTransitionTime, observedGeneration };
  const body = {
    apiVersion,
    kind,
    metadata: { name, uid },
    status: { conditions: [{ type, status: "True", ...said }] },
  };
  await kube.apply(body, { fieldManager: by, subresource: "status", force: true });
}
