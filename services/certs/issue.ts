import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { caSecretName } from "../../contracts/names.ts";
import type { Kube } from "../../runtime/kube.ts";
import type { Log } from "../../runtime/log.ts";
import type { Observed } from "./facts.ts";
import type { ObjectSource } from "./observe.ts";
import { dueRequest, type IssueRequest } from "./rotation.ts";
import { authoritySecretFor, leafSecretFor, secretText, trustedListSecretFor } from "./secrets.ts";
import { issueAuthority, issueLeaf } from "./x509.ts";

export type IssueOptions = {
  kube: Kube;
  log: Log;
  secrets: ObjectSource;
  fieldManager: string;
  now: () => Date;
};

/**
 * Issues what is due for one PolicyServer, and gives back the facts with the API server's refusal, if there was one.
 * A Secret with a key is created, or replaced in the version that was judged: whoever comes second, another process or a
 * late one, changes nothing. What was written is believed once the cache brings it back.
 */
export async function issueDue(observed: Observed, o: IssueOptions, signal: AbortSignal): Promise<Observed> {
  const request = dueRequest(observed, o.now());
  if (!request) return observed;
  const name = request.issue === "leaf" ? observed.server.secretName : caSecretName;
  const existing = o.secrets.get(name, observed.namespace);
  // The cache moved on since the facts were gathered: its change brings this key back.
  if (existing?.metadata.resourceVersion !== request.replaces) return observed;
  const authority = o.secrets.get(caSecretName, observed.namespace);
  if (authority?.metadata.resourceVersion !== observed.authority.secret?.resourceVersion) return observed;
  try {
    const secret = await secretFor(request, observed, { ...o, existing });
    const write = existing ? o.kube.replace : o.kube.create;
    await write(secret, { fieldManager: o.fieldManager, signal });
    o.log.info("issued", { issue: request.issue, secret: name, because: request.because });
    return observed;
  } catch (error) {
    if (!(error instanceof KubewardenError)) throw error;
    if (lostRace.has(error.code)) return observed;
    if (!refused.has(error.code)) throw error;
    o.log.warn("refused", { issue: request.issue, secret: name, error });
    return { ...observed, refusal: { of: request.issue === "leaf" ? "leaf" : "authority", message: error.message } };
  }
}

const lostRace = new Set<string>(["KUBE_CONFLICT", "KUBE_ALREADY_EXISTS"]);
const refused = new Set<string>(["KUBE_FORBIDDEN", "KUBE_INVALID", "KUBE_NOT_FOUND"]);

async function secretFor(
  request: IssueRequest,
  { namespace, authority, server }: Observed,
  { secrets, existing, now }: IssueOptions & { existing?: KubeObject },
): Promise<KubeObject> {
  if (request.issue === "leaf") {
    const privateKey = secretText(secrets.get(caSecretName, namespace), "ca.key") ?? "";
    const signer = { certificate: authority.current?.pem ?? "", privateKey };
    const leaf = await issueLeaf({ authority: signer, dnsName: server.dnsName, now: now() });
    return leafSecretFor(leaf, { namespace, server, existing });
  }
  const trusted = request.trusted.map((each) => each.pem);
  return request.issue === "trusted-list" && existing
    ? trustedListSecretFor(existing, trusted)
    : authoritySecretFor(await issueAuthority(now()), { namespace, trusted, existing });
}
