import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { caSecretName } from "../../contracts/names.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import { keepsList } from "./authority-rotation.ts";
import { pemOf } from "./certificate-list.ts";
import type { Observed } from "./facts.ts";
import type { IssueRequest } from "./issue-request.ts";
import type { ObjectSource } from "./object-source.ts";
import { dueRequest } from "./rotation.ts";
import { auditSecretFor, authoritySecretFor, authorityTexts, leafSecretFor, trustedListSecretFor } from "./secrets.ts";
import { auditClientName, issueAuthority, issueLeaf } from "./x509.ts";

export type IssueOptions = {
  kube: Kube;
  log: Log;
  secrets: ObjectSource;
  fieldManager: string;
  now: () => Date;
  onIssue?: (issued: { certificate: "ca" | "serving" | "audit-client" }) => void;
};

/**
 * Issues what is due in this pass, and gives back the facts with the API server's refusal, if there was one.
 * A Secret with a key is created, or replaced in the version that was judged: whoever comes second, another process or a
 * late one, changes nothing. What was written is believed once the cache brings it back.
 */
export async function issueDue(observed: Observed, o: IssueOptions, signal: AbortSignal): Promise<Observed> {
  const request = dueRequest(observed, o.now());
  if (!request) return observed;
  const leaf = observed.about === "server" ? observed.server : observed.audit;
  const name = request.issue === "leaf" ? leaf.secretName : caSecretName;
  const existing = o.secrets.get(name, observed.namespace);
  // The cache moved on since the facts were gathered: its change brings this key back.
  if (existing?.metadata.resourceVersion !== request.replaces || !isStillJudged(observed, o.secrets)) return observed;
  const of = request.issue === "leaf" ? "leaf" : "authority";
  try {
    const secret = await secretFor(request, observed, { ...o, existing });
    const write = existing ? o.kube.replace : o.kube.create;
    await write(secret, { fieldManager: o.fieldManager, signal });
    o.log.info("issued", { issue: request.issue, secret: name, because: request.because });
    if (request.issue === "authority") o.onIssue?.({ certificate: "ca" });
    if (of === "leaf") o.onIssue?.({ certificate: observed.about === "server" ? "serving" : "audit-client" });
    return observed;
  } catch (error) {
    if (!(error instanceof KubewardenError)) throw error;
    if (lostRace.has(error.code)) return observed;
    if (!refused.has(error.code)) throw error;
    o.log.warn("refused", { issue: request.issue, secret: name, error });
    return { ...observed, refusal: { of, message: error.message } };
  }
}

const lostRace = new Set<string>(["KUBE_CONFLICT", "KUBE_ALREADY_EXISTS"]);
const refused = new Set<string>(["KUBE_FORBIDDEN", "KUBE_INVALID", "KUBE_NOT_FOUND"]);

/** Whether the authority is still the one that the facts speak of. */
function isStillJudged({ namespace, authority }: Observed, secrets: ObjectSource): boolean {
  const versionOf = (name: string) => secrets.get(name, namespace)?.metadata.resourceVersion;
  const { secret, provided } = authority;
  return versionOf(caSecretName) === secret?.resourceVersion &&
    (!provided || versionOf(provided.secretName) === provided.resourceVersion);
}

async function secretFor(
  request: IssueRequest,
  observed: Observed,
  { secrets, existing, now }: IssueOptions & { existing?: KubeObject },
): Promise<KubeObject> {
  const { namespace, authority } = observed;
  const certificate = authority.current?.pem ?? "";
  if (request.issue === "leaf") {
    const holder = secrets.get(authority.provided?.secretName ?? caSecretName, namespace);
    const signer = { certificate, privateKey: authorityTexts(holder).privateKey ?? "" };
    if (observed.about === "server") {
      const { server } = observed;
      const leaf = await issueLeaf({ authority: signer, dnsName: server.dnsName, now: now() });
      return leafSecretFor(leaf, { namespace, server, existing });
    }
    const client = await issueLeaf({ authority: signer, clientName: auditClientName, now: now() });
    return auditSecretFor(client, { namespace, name: observed.audit.secretName, existing });
  }
  const trusted = pemOf(request.trusted);
  const present = certificate + pemOf(authority.chain);
  if (request.issue === "trusted-list" && existing) {
    return trustedListSecretFor(existing, { trusted, present: keepsList(authority) ? present : undefined });
  }
  const next = request.issue === "copy" ? { certificate: present, privateKey: undefined } : await issueAuthority(now());
  return authoritySecretFor(next, { namespace, trusted, existing });
}
