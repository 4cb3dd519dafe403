import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";

export const namespace = "kubewarden";
/** Field manager of upstream's controller. */
export const manager = "controller";
export const inNamespace = (name: string, more: object = {}) => ({ name, namespace, ...more });
export const partOf = { "app.kubernetes.io/part-of": "kubewarden" };
export const finalizers = ["kubewarden.io/finalizer"];
export const webhookVersion = "admissionregistration.k8s.io/v1";

/** Makes an object as upstream's controller would, or as whom else `fieldManager` says. */
export type Make = (object: unknown, fieldManager?: string) => Promise<KubeObject>;

export function makeIn(kube: Kube): Make {
  return (object, fieldManager = manager) => kube.create(object as KubeObject, { fieldManager });
}
