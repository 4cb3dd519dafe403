import { booleanFlag, listFlag, textFlag } from "../../runtime/flags.ts";
import type { Settings } from "./settings.ts";

/** Flags of the reconciler beside those of every controller. Source: reference/controller.md 7.2. */
export const reconcilerFlags = {
  alwaysAcceptAdmissionReviewsOnDeploymentsNamespace: booleanFlag(
    "policy servers accept every request about the deployments namespace",
    false,
    { env: "KUBEWARDEN_ALWAYS_ACCEPT_ADMISSION_REVIEWS_ON_DEPLOYMENTS_NAMESPACE" },
  ),
  imagePullSecrets: listFlag("Secrets that policy-server images are pulled with", {
    env: "KUBEWARDEN_IMAGE_PULL_SECRETS",
  }),
  policyServerImage: textFlag("image of PolicyServers that name none; default: the image of this pod", "", {
    env: "KUBEWARDEN_POLICY_SERVER_IMAGE",
  }),
  defaultsConfigmapName: textFlag("ConfigMap whose PolicyServers are applied", "kubewarden-defaults", {
    env: "KUBEWARDEN_DEFAULTS_CONFIGMAP_NAME",
  }),
};

type Options = {
  deploymentsNamespace: string;
  alwaysAcceptAdmissionReviewsOnDeploymentsNamespace: boolean;
  imagePullSecrets: readonly string[];
};

/** What of the flags reaches every policy server. */
export function settingsFrom(options: Options): Settings {
  return {
    namespace: options.deploymentsNamespace,
    alwaysAcceptNamespace: options.alwaysAcceptAdmissionReviewsOnDeploymentsNamespace,
    imagePullSecrets: options.imagePullSecrets,
  };
}
