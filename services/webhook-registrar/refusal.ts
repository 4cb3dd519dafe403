import { KubewardenError } from "../../contracts/errors.ts";

/** Whether the API server judged the object, or our right to write it; anything else is worth another try. */
export function isRefusal(error: unknown): error is KubewardenError {
  return error instanceof KubewardenError && ["KUBE_INVALID", "KUBE_FORBIDDEN"].includes(error.code);
}
