// pure
import { condition } from "../../contracts/conditions.ts";
import { caSecretName } from "../../contracts/names.ts";
import type { IntendedCondition } from "../../runtime/control/plan.ts";
import { authorityFault, authorityRequest, isStanding } from "./authority-rotation.ts";
import { isSame } from "./certificate-list.ts";
import type { ServerPass } from "./facts.ts";
import { trustOf } from "./leaf-rotation.ts";
import { dueRequest, problemOf } from "./rotation.ts";
import { dayMs, providedRenewalTime } from "./times.ts";

/** `CARootSecretReconciled`: there is an authority that can sign. */
export function authorityCondition(observed: ServerPass, now: Date): IntendedCondition {
  const { authority, server, refusal, namespace } = observed;
  const { current, provided } = authority;
  const name = `Secret "${namespace}/${provided?.secretName ?? caSecretName}"`;
  const say = (status: "True" | "False", message: string) =>
    condition("CARootSecretReconciled", status, reasonOf(status), `${name}${message}`, server.generation);
  const request = authorityRequest(authority, now);
  const refused = refusal?.of === "authority" ? refusal.message : undefined;
  if (isStanding(authority, now) || request?.issue === "trusted-list" && refused === undefined) {
    const until = ` holds a certificate authority that is valid until ${current?.notAfter.toISOString()}`;
    return say("True", until + lateRemark(observed, now));
  }
  if (refused !== undefined) return say("False", `: ${refused}`);
  const fault = authorityFault(authority, now);
  if (!provided || fault === undefined) {
    return say("False", `: a certificate authority is being issued (${request?.because ?? "there is none"})`);
  }
  const there = provided.resourceVersion === undefined ? "it does not exist" : fault;
  return say("False", `: no certificate authority to sign with (${there}). Whoever provides it must put one there`);
}

/** `CertSecretReconciled`: the server has a certificate that its webhooks can trust. */
export function servingCondition(observed: ServerPass, now: Date): IntendedCondition {
  const { authority, server, refusal, namespace } = observed;
  const name = `Secret "${namespace}/${server.secretName}"`;
  const say = (status: "True" | "False", message: string) =>
    condition("CertSecretReconciled", status, reasonOf(status), `${name}${message}`, server.generation);
  const problem = problemOf(observed, now);
  if (problem === undefined) {
    const until = server.leaf.certificate?.notAfter.toISOString();
    return say("True", ` holds a serving certificate that is valid until ${until}${rotationRemark(observed)}`);
  }
  if (refusal?.of === "leaf") return say("False", `: ${refusal.message}`);
  const waiting = dueRequest(observed, now)?.issue === "leaf"
    ? `a serving certificate is being issued (${problem})`
    : !isStanding(authority, now)
    ? `waiting for the certificate authority (${problem})`
    : `the serving certificate must be issued (${problem}), once its webhooks trust the new certificate authority`;
  return say("False", `: ${waiting}`);
}

function reasonOf(status: "True" | "False") {
  return status === "True" ? "ReconciliationSucceeded" : "ReconciliationFailed";
}

/** Says that somebody has to do something about an authority that we do not replace. */
function lateRemark({ authority: { current, provided } }: ServerPass, now: Date): string {
  if (!current || !provided || providedRenewalTime(current) > now.getTime()) return "";
  const days = Math.ceil((current.notAfter.getTime() - now.getTime()) / dayMs);
  return `, in ${days} ${days === 1 ? "day" : "days"}: whoever provides it must replace it before`;
}

/** Says where a change of authorities stands, as long as former ones are trusted. */
function rotationRemark({ authority, server }: ServerPass): string {
  const byCurrent = isSame(server.leaf.issuer, authority.current);
  if (authority.old.length === 0 || trustOf(authority, server) === "confirmed" && byCurrent) return "";
  if (!byCurrent) return "; the next one is signed by the new certificate authority once all webhooks trust it";
  return trustOf(authority, server) === "awaited"
    ? "; signed by a certificate authority that not all webhooks are known to trust yet"
    : "";
}
