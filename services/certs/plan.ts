// pure
import { condition } from "../../contracts/conditions.ts";
import { caSecretName } from "../../contracts/names.ts";
import { type IntendedCondition, nothingToDo, type Plan } from "../../runtime/plan.ts";
import type { Observed } from "./facts.ts";
import { authorityRequest, dueRequest, leafProblem, nextLookMs, trustOf } from "./rotation.ts";
import { metadataRepairFor, secretKind } from "./secrets.ts";

/** An issued Secret comes back through the cache at once; this only guards against a lost race for it. */
const afterIssueMs = 2_000;
const afterRefusalMs = 15_000;

/**
 * What to write for one PolicyServer. Secrets with keys are not part of it: they are issued before (issue.ts), and
 * conditions speak of what came back from the API server.
 */
export function planCertificates(observed: Observed, now: Date): Plan {
  const { authority, server, namespace, refusal } = observed;
  if (server.terminating) return nothingToDo;
  const { leaf } = server;
  const repairs = [
    authority.secret && !authority.secret.metadataInPlace &&
    metadataRepairFor({ ...secretKind, name: caSecretName, namespace }, authority.secret),
    leaf.secret && !leaf.secret.metadataInPlace &&
    metadataRepairFor({ ...secretKind, name: server.secretName, namespace }, leaf.secret, server),
  ];
  const waitMs = refusal !== undefined
    ? afterRefusalMs
    : dueRequest(observed, now)
    ? afterIssueMs
    : nextLookMs(observed, now);
  return {
    ...nothingToDo,
    apply: repairs.filter((each) => each !== undefined && each !== false),
    status: [{
      target: server.target,
      conditions: [authorityCondition(observed, now), leafCondition(observed, now)],
      // While the authority is in the making the former bundle stands: it is what keeps the former one trusted.
      fields: { caBundle: isStanding(observed, now) ? authority.bundle?.pem : server.publishedBundle },
    }],
    lookAgainAfterMs: waitMs,
  };
}

function isStanding({ authority }: Observed, now: Date): boolean {
  return authority.bundle !== undefined && authorityRequest(authority, now) === undefined;
}

function authorityCondition(observed: Observed, now: Date): IntendedCondition {
  const { authority, server, refusal, namespace } = observed;
  const name = `Secret "${namespace}/${caSecretName}"`;
  const request = authorityRequest(authority, now);
  if (isStanding(observed, now) || request?.issue === "trusted-list" && refusal?.of !== "authority") {
    return condition(
      "CARootSecretReconciled",
      "True",
      "ReconciliationSucceeded",
      `${name} holds a certificate authority that is valid until ${authority.current?.notAfter.toISOString()}`,
      server.generation,
    );
  }
  const why = wordsOf(refusal, "authority") ??
    `a certificate authority is being issued (${request?.because ?? "there is none"})`;
  return condition("CARootSecretReconciled", "False", "ReconciliationFailed", `${name}: ${why}`, server.generation);
}

function leafCondition(observed: Observed, now: Date): IntendedCondition {
  const { authority, server, refusal, namespace } = observed;
  const name = `Secret "${namespace}/${server.secretName}"`;
  const problem = leafProblem(server, now);
  if (problem === undefined) {
    const until =
      `${name} holds a serving certificate that is valid until ${server.leaf.certificate?.notAfter.toISOString()}`;
    return condition(
      "CertSecretReconciled",
      "True",
      "ReconciliationSucceeded",
      until + rotationRemark(observed),
      server.generation,
    );
  }
  const waiting = dueRequest(observed, now)?.issue === "leaf"
    ? `a serving certificate is being issued (${problem})`
    : authority.bundle === undefined
    ? "waiting for the certificate authority"
    : `the serving certificate must be issued (${problem}), once its webhooks trust the new certificate authority`;
  return condition(
    "CertSecretReconciled",
    "False",
    "ReconciliationFailed",
    `${name}: ${wordsOf(refusal, "leaf") ?? waiting}`,
    server.generation,
  );
}

function wordsOf(refusal: Observed["refusal"], of: "authority" | "leaf"): string | undefined {
  return refusal?.of === of ? refusal.message : undefined;
}

/** Says where a change of authorities stands, as long as former ones are trusted. */
function rotationRemark({ authority, server }: Observed): string {
  const byCurrent = server.leaf.issuer?.fingerprint === authority.current?.fingerprint;
  if (authority.old.length === 0 || trustOf(authority, server) === "confirmed" && byCurrent) return "";
  if (!byCurrent) return "; the next one is signed by the new certificate authority once all webhooks trust it";
  return trustOf(authority, server) === "awaited"
    ? "; signed by a certificate authority that not all webhooks are known to trust yet"
    : "";
}
