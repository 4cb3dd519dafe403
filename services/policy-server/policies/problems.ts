// pure
import { type ErrorCode, KubewardenError, messageOf } from "../../../contracts/errors.ts";

/** Why a policy cannot be served; `policy` is `name` or `group/member`. */
export type PolicyProblem = { policy: string; code: ErrorCode; message: string };

/** What a broken policy answers: its problem's text; a group names the members that are meant. */
export function brokenMessage(policy: string, problems: readonly PolicyProblem[]): string {
  return problems.map((each) => each.policy === policy ? each.message : `${each.policy}: ${each.message}`).join("; ");
}

/** What Kubernetes keeps of a termination message. */
const terminationMessageBytes = 4096;
const shortestMessage = 40;

/** The error that ends a start with broken policies; it names every one of them. */
export function policiesInvalid(problems: readonly PolicyProblem[]): KubewardenError {
  const list = problems.map(({ policy, message }) => `policy "${policy}": ${message}`).join("\n  ");
  const text = problems.length === 1 ? list : `${problems.length} policies cannot be served:\n  ${list}`;
  return new KubewardenError("POLICIES_INVALID", text, { cause: problems });
}

/**
 * What the pod's status says about a failed start: for broken policies one JSON object a line, which the reconciler reads;
 * otherwise the error's message. Messages are cut so that every policy is named.
 */
export function terminationMessageOf(error: unknown): string {
  if (!(error instanceof KubewardenError) || error.code !== "POLICIES_INVALID") return messageOf(error);
  const problems = error.cause as readonly PolicyProblem[];
  for (let length = 2048; length >= shortestMessage; length /= 2) {
    const text = linesOf(problems, length);
    if (sizeOf(text) <= terminationMessageBytes) return text;
  }
  // Too many to name: as many whole lines as fit.
  let kept = problems.length;
  while (sizeOf(linesOf(problems.slice(0, kept), shortestMessage)) > terminationMessageBytes) kept--;
  return linesOf(problems.slice(0, kept), shortestMessage);
}

function linesOf(problems: readonly PolicyProblem[], length: number): string {
  return problems.map(({ policy, code, message }) =>
    `${JSON.stringify({ policy, code, message: shortened(message, length) })}\n`
  ).join("");
}

function shortened(message: string, length: number): string {
  return message.length <= length ? message : `${message.slice(0, length - 1)}…`;
}

function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
