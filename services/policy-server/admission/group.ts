// pure
import { type AdmissionResponse, admissionResponse, type StatusCause } from "../../../contracts/admission.ts";
import { messageOf } from "../../../contracts/errors.ts";
import { evaluateGroupExpression } from "../../../contracts/group-expression.ts";
import type { CataloguedPolicy, Runnable } from "../policies/catalogue.ts";
import type { PolicyAnswer } from "./policy-answer.ts";
import { isOverload } from "./run-policy.ts";
import { responseTo } from "./verdict-rules.ts";

type Group = CataloguedPolicy & { kind: "group" };

/**
 * A group's plain response: its expression over its members, run one after another and only as far as needed. Denied
 * members become causes, in the order in which they were run (reference/policy-server.md 7). What members warn of and
 * annotate is passed on, which upstream loses (7.8); of an annotation that two members write the later one stays.
 */
export async function evaluateGroup(
  uid: string,
  group: Group,
  runMember: (member: Runnable) => Promise<PolicyAnswer>,
): Promise<AdmissionResponse> {
  const causes = new Map<string, StatusCause>();
  const answers = new Map<string, AdmissionResponse>();
  try {
    const allowed = await evaluateGroupExpression(group.expression, async (name) => {
      const member = group.members.get(name);
      if (member === undefined) throw new Error(`unknown member ${name}`);
      const said = await runMember(member);
      const answer = responseTo(uid, said);
      answers.set(name, answer);
      const cause = causeOf(name, answer);
      // A member called twice counts with its last answer.
      if (cause === undefined) causes.delete(name);
      else causes.set(name, cause);
      return said.failed || answer.patch !== undefined ? undefined : cause === undefined;
    });
    const remarks = remarksOf([...answers.values()]);
    if (allowed) return admissionResponse({ uid, allowed, ...remarks });
    // Not knowing is no reason to let something in.
    const status = { message: group.message, details: { causes: [...causes.values()] } };
    return admissionResponse({ uid, allowed: false, status, ...remarks });
  } catch (error) {
    if (isOverload(error)) throw error;
    const message = `error evaluating policy group expression: ${messageOf(error)}`;
    return admissionResponse({ uid, allowed: false, status: { message, code: 500 } });
  }
}

/** Null where no member has any, as for a policy without. */
function remarksOf(answers: readonly AdmissionResponse[]): Pick<AdmissionResponse, "warnings" | "auditAnnotations"> {
  const warnings = answers.flatMap((each) => each.warnings ?? []);
  const annotations = Object.assign({}, ...answers.map((each) => each.auditAnnotations ?? {}));
  return {
    warnings: warnings.length === 0 ? null : warnings,
    auditAnnotations: Object.keys(annotations).length === 0 ? null : annotations,
  };
}

/** Why a member counts as false, or undefined if it counts as true. */
function causeOf(member: string, { allowed, patch, status }: AdmissionResponse): StatusCause | undefined {
  const field = `spec.policies.${member}`;
  if (patch !== undefined) return { reason: null, message: "mutation is not allowed inside of policy group", field };
  return allowed ? undefined : { reason: null, message: status?.message ?? null, field };
}
