import { X509Certificate } from "node:crypto";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { caSecretName, ownedObjectName } from "../contracts/names.ts";
import type { Stage } from "../local-cluster/demo/looks.ts";
import type { RunningPod } from "../local-cluster/node/node.ts";
import { shownCertificate } from "../runtime/testing/shown-certificate.ts";
import { deploymentsNamespace, untilObject } from "./installed-cluster.ts";

const secretRef = (name: string) => ({ apiVersion: "v1", kind: "Secret", name, namespace: deploymentsNamespace });
export const authoritySecret = secretRef(caSecretName);
/** Of PolicyServer `default`. */
export const servingSecret = secretRef(ownedObjectName("default"));

export function textIn(secret: KubeObject, key: string): string {
  return atob((secret.data as Record<string, string>)[key] ?? "");
}

export function certificateIn(secret: KubeObject, key: string): X509Certificate {
  return new X509Certificate(textIn(secret, key));
}

/** Whether these pods show this certificate (and there is at least one of them); else what is wrong. */
export async function allShow(
  pods: readonly RunningPod[],
  { fingerprint256 }: X509Certificate,
): Promise<true | string> {
  const shown = await Promise.all(pods.map(({ podIP }) => shownCertificate({ host: podIP, port: 8443 })));
  return shown.length > 0 && shown.every((each) => each.fingerprint256 === fingerprint256) || "another certificate";
}

/** Waits until the serving certificate is of the authority in this Secret. */
export function untilSignedBy(stage: Stage, authority: KubeObject): Promise<KubeObject> {
  const { publicKey } = certificateIn(authority, "ca.crt");
  const isSigned = (secret: KubeObject) => certificateIn(secret, "tls.crt").verify(publicKey) || "of another authority";
  return untilObject(stage, servingSecret, isSigned);
}
