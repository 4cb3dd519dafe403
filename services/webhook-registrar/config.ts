import { controllerServiceAccounts } from "../../contracts/names.ts";
import { listFlag } from "../../runtime/cli/flags.ts";

/** Name of the process, of its Lease and of its field manager. */
export const serviceName = "webhook-registrar";

/** What `webhook-registrar` understands beyond the flags of every controller. */
export const registrarFlags = {
  controllerServiceAccounts: {
    ...listFlag("ServiceAccounts of our controllers, which no policy may lock out", {
      env: "KUBEWARDEN_CONTROLLER_SERVICE_ACCOUNTS",
    }),
    fallback: controllerServiceAccounts as readonly string[],
  },
};

/** The user names that the API server knows ServiceAccounts by. */
export function userNamesOf(serviceAccounts: readonly string[], namespace: string): string[] {
  return serviceAccounts.map((each) => `system:serviceaccount:${namespace}:${each}`);
}
