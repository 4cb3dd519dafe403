// pure
import { condition, type ConditionReason } from "../../contracts/conditions.ts";
import { caSecretName } from "../../contracts/names.ts";
import type { IntendedCondition } from "../../runtime/control/plan.ts";
import { authorityFault, authorityRequest, isStanding } from "./authority-rotation.ts";
import { isSame } from "./certificate-list.ts";
import type { ServerPass } from "./facts.ts";
import { trustOf } from "./leaf-rotation.ts";
import { dueRequest, problemOf } from "./rotation.ts";
import { dayMs, providedRenewalTime } from "./times.ts";

type Reason = ConditionReason<"CARootSecretReconciled">;

/** `CARootSecretReconciled`: there is an authority that can sign. */
export function authorityCondition(observed: ServerPass, now: Date): IntendedCondition {
  const { authority, server, refusal, namespace } = observed;
  const { current, provided } = authority;
  const name = `Secret "${namespace}/${provided?.secretName ?? caSecretName}"`;
  const say = (reason: Reason, message: string) =>
    condition("CARootSecretReconciled", statusOf(reason), reason, `${name}${message}`, server.generation);
  const request = authorityRequest(authority, now);
  const refused = refusal?.of === "authority" ? refusal.message : undefined;
  if (isStanding(authority, now) || request?.issue === "trusted-list" && refused === undefined) {
    const until = ` holds a certificate authority that is valid until ${current?.notAfter.toISOString()}`;
    return say("ReconciliationSucceeded", until + lateRemark(observed, now));
  }
  if (refused !== undefined) return say("ReconciliationFailed", `: ${refused}`);
  const fault = authorityFault(authority, now);
  if (!provided || fault === undefined) {
    return say("Issuing", `: a certificate authority is being issued (${request?.because ?? "there is none"})`);
  }
  const there = provided.resourceVersion === undefined ? "it does not exist" : fault;
  const message = `: no certificate authority to sign with (${there}). Whoever provides it must put one there`;
  return say("ReconciliationFailed", message);
}

/** `CertSecretReconciled`: the server has a certificate that its webhooks can trust. */
export function servingCondition(observed: ServerPass, now: Date): IntendedCondition {
  const { authority, server, refusal, namespace } = observed;
  const name = `Secret "${namespace}/${server.secretName}"`;
  const say = (reason: Reason, message: string) =>
    condition("CertSecretReconciled", statusOf(reason), reason, `${name}${message}`, server.generation);
  const problem = problemOf(observed, now);
  if (problem === undefined) {
    const until = server.leaf.certificate?.notAfter.toISOString();
    const words = ` holds a serving certificate that is valid until ${until}${rotationRemark(observed)}`;
    return say("ReconciliationSucceeded", words);
  }
  if (refusal?.of === "leaf") return say("ReconciliationFailed", `: ${refusal.message}`);
  if (dueRequest(observed, now)?.issue === "leaf") {
    return say("Issuing", `: a serving certificate is being issued (${problem})`);
  }
  if (isStanding(authority, now)) {
    const once = "once its webhooks trust the new certificate authority";
    return say("Issuing", `: the serving certificate must be issued (${problem}), ${once}`);
  }
  const failed = authorityCondition(observed, now).reason === "ReconciliationFailed";
  return say(failed ? "ReconciliationFailed" : "Issuing", `: waiting for the certificate authority (${problem})`);
}

function statusOf(reason: Reason): "True" | "False" {
  return reason === "ReconciliationSucceeded" ? "True" : "False";
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
