// pure
import { findCondition } from "../../contracts/conditions.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { clientCaKey } from "../../contracts/names.ts";
import type { PolicyServer } from "../../contracts/policy-server.ts";
import { deploymentFor } from "./desired/deployment.ts";
import { replicasFor } from "./desired/replicas.ts";
import type { Observed } from "./facts.ts";
import type { Shortfalls } from "./server-status.ts";

/** The Deployment as it should be, or why it is left as it is: what runs then goes on running. */
export function deploymentPlan(
  server: PolicyServer,
  version: string,
  observed: Observed,
): { apply: KubeObject[]; shortfalls: Shortfalls } {
  const { settings, ownImage } = observed;
  const image = server.spec.image || ownImage;
  const standing = standingDeployment(server, observed);
  const shortfall = certificateShortfall(server, standing) ?? clientCaShortfall(observed);
  if (shortfall) return { apply: [], shortfalls: { DeploymentReconciled: shortfall } };
  if (image === undefined) {
    const message = "spec.image is not set, and the reconciler does not know its own image: set spec.image";
    return { apply: [], shortfalls: { DeploymentReconciled: { reason: "ReconciliationFailed", message } } };
  }
  const options = { settings, image, version, ...replicasFor(server, standing) };
  return { apply: [deploymentFor(server, options)], shortfalls: {} };
}

type Shortfall = Shortfalls["DeploymentReconciled"];

/** The Deployment of this incarnation of the PolicyServer; one of a former is the garbage collector's. */
function standingDeployment(server: PolicyServer, { deployment }: Observed): KubeObject | undefined {
  const { uid } = server.metadata;
  return deployment?.metadata.ownerReferences?.some((owner) => owner.uid === uid) ? deployment : undefined;
}

/** Only the first Deployment waits for the certificate: pods of a later one start with the one that is there. */
function certificateShortfall(server: PolicyServer, standing: KubeObject | undefined): Shortfall {
  const certificate = findCondition(server, "CertSecretReconciled");
  if (standing || certificate?.status === "True") return undefined;
  const why = certificate?.message ? `: ${certificate.message}` : " is not there yet: is certs running?";
  const message = `The Deployment is created once there is a serving certificate. CertSecretReconciled${why}`;
  return { reason: "WaitingForCertificate", message };
}

/** Pods that mount what does not exist never start, and a rollout of them may stop a quarter of those that run. */
function clientCaShortfall({ settings: { clientCaConfigMap, namespace }, clientCa }: Observed): Shortfall {
  if (clientCaConfigMap === "") return undefined;
  const data = clientCa?.data as Record<string, string> | undefined;
  if (data?.[clientCaKey]) return undefined;
  const wanted = `ConfigMap "${clientCaConfigMap}" with the key "${clientCaKey}" in namespace "${namespace}"`;
  const message = `The Deployment stays as it is: mutual TLS (--client-ca-configmap-name) needs ${wanted}`;
  return { reason: "ClientCaMissing", message };
}
