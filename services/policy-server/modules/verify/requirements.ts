// pure
import { KubewardenError } from "../../../../contracts/errors.ts";
import type { SignatureRequirement, VerificationConfig } from "../../../../contracts/verification-config.ts";
import { repositoryOf } from "./github-url.ts";
import { textOfRequirement } from "./requirement-text.ts";
import type { Identity, SignatureFacts } from "./signature-facts.ts";

/** Whose tokens workflows on GitHub get. */
export const githubIssuer = "https://token.actions.githubusercontent.com";

/** What an image must be signed with: either list may be missing, as a host call has only one. */
export type Requirements = Partial<VerificationConfig>;

/** Whether this one signature is what is asked for (reference/policy-server.md 3.5.7 to 3.5.10). */
export function meets(requirement: SignatureRequirement, facts: SignatureFacts): boolean {
  const wanted = Object.entries(requirement.annotations ?? {});
  if (!wanted.every(([name, value]) => facts.annotations.get(name) === value)) return false;
  if (requirement.kind === "pubKey") return facts.keys.has(requirement.key);
  const { identity } = facts;
  if (identity === undefined) return false;
  return requirement.kind === "genericIssuer"
    ? identity.issuer === requirement.issuer && isSubject(requirement.subject, identity)
    : isWorkflowOf(requirement, identity);
}

/**
 * Which signatures meet the requirements, each once. One signature may count for several entries of `anyOf`, as upstream
 * (12.5). Throws VERIFICATION_FAILED in upstream's words (3.5.11 to 3.5.14).
 */
export function assertSigned({ allOf, anyOf }: Requirements, signatures: readonly SignatureFacts[]): SignatureFacts[] {
  if (allOf === undefined && anyOf === undefined) throw failed("no signatures to verify");
  const signatureFor = (requirement: SignatureRequirement) => signatures.find((each) => meets(requirement, each));
  const unmet = (all: readonly SignatureRequirement[]) => all.filter((each) => signatureFor(each) === undefined);
  const missing = unmet(allOf ?? []);
  if (missing.length > 0) throw failed("missing signatures", missing);
  if (anyOf !== undefined) {
    const missing = unmet(anyOf.signatures);
    const met = anyOf.signatures.length - missing.length;
    if (met < anyOf.minimumMatches) {
      const counts = `needed ${anyOf.minimumMatches}, got ${met}`;
      throw failed(`minimum number of signatures not reached: ${counts}`, missing);
    }
  }
  const met = [...allOf ?? [], ...anyOf?.signatures ?? []].map(signatureFor);
  return [...new Set(met)].filter((each) => each !== undefined);
}

/** Every requirement of both lists. */
export function requirementsIn({ allOf, anyOf }: Requirements): SignatureRequirement[] {
  return [...allOf ?? [], ...anyOf?.signatures ?? []];
}

type GenericSubject = Extract<SignatureRequirement, { kind: "genericIssuer" }>["subject"];

function isSubject(wanted: GenericSubject, { subject }: Identity): boolean {
  if ("equal" in wanted) return subject.value === wanted.equal;
  return subject.kind === "uri" && subject.value.startsWith(wanted.urlPrefix);
}

/**
 * The subject may be a workflow of someone trusted that was called by anybody; the repository it ran for is in an
 * extension of the certificate.
 */
function isWorkflowOf({ owner, repo }: { owner: string; repo?: string | undefined }, identity: Identity): boolean {
  const { issuer, subject, workflowRepository } = identity;
  if (issuer !== githubIssuer || subject.kind !== "uri" || repositoryOf(subject.value) === undefined) return false;
  const [ranForOwner, ranForRepo, ...rest] = (workflowRepository ?? "").split("/");
  return rest.length === 0 && ranForOwner === owner && Boolean(ranForRepo) &&
    (repo === undefined || ranForRepo === repo);
}

function failed(reason: string, unmet?: readonly SignatureRequirement[]): KubewardenError {
  const list = unmet?.map(textOfRequirement).join("");
  const detail = list === undefined ? "" : `\nThe following constraints were not satisfied:\n${list}`;
  return new KubewardenError("VERIFICATION_FAILED", `Image verification failed: ${reason}${detail}`);
}
