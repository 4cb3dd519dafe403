import { messageOf } from "../../../contracts/errors.ts";
import { mutationOf } from "../admission/mutation.ts";
import { type GuestAnswer, parseGuestAnswer, parseSettingsAnswer } from "../admission/policy-answer.ts";
import { parseGatekeeperAnswer, parseOpaAnswer } from "../admission/rego-answer.ts";
import { type ExecutionMode, isRego } from "../policies/execution-mode.ts";
import type { GuestOutcome } from "./guest.ts";
import type { GuestTask, TaskOutcome } from "./protocol.ts";

type ValidateTask = GuestTask & { operation: "validate" };

/** Performs a task by a call of a guest, which `call` makes, and reads its answer; never throws. */
export function performTask(
  { task, mode }: { task: GuestTask; mode: ExecutionMode },
  call: (task: GuestTask) => GuestOutcome,
): TaskOutcome {
  const outcome = call(task);
  if (outcome.kind === "failed" && mode === "wasi" && outcome.phase === "call") return refused(task, outcome.message);
  if (outcome.kind !== "answered") return outcome;
  try {
    return task.operation === "validate"
      ? validated(outcome.bytes, { task, mode })
      : { kind: "settings", answer: settingsAnswer(outcome.bytes, mode) };
  } catch (error) {
    return { kind: "invalid-answer", message: messageOf(error) };
  }
}

/** A command that fails has refused: its standard error is its message (reference/policy-server.md 6.5.3). */
function refused({ operation }: GuestTask, message: string): TaskOutcome {
  return operation === "validate"
    ? { kind: "validated", answer: { accepted: false, message, code: 500, failed: true } }
    : { kind: "settings", answer: { valid: false, message } };
}

function validated(bytes: Uint8Array, { task, mode }: { task: ValidateTask; mode: ExecutionMode }): TaskOutcome {
  switch (mode) {
    case "opa":
      return { kind: "validated", answer: parseOpaAnswer(bytes) };
    case "gatekeeper":
      return { kind: "validated", answer: parseGatekeeperAnswer(bytes) };
    case "kubewarden-wapc":
      return mutated(parsed("invalid response from policy", () => parseGuestAnswer(bytes)), task);
    case "wasi":
      return convertedCommandAnswer(bytes, task);
  }
}

/** Rego has no settings validation: that the module could be made ready is all there is to know (6.1.10). */
function settingsAnswer(bytes: Uint8Array, mode: ExecutionMode) {
  if (isRego(mode)) return { valid: true };
  const attempt = mode === "wasi" ? "Cannot deserialize settings validation response" : "invalid response from policy";
  return parsed(attempt, () => parseSettingsAnswer(bytes));
}

function convertedCommandAnswer(bytes: Uint8Array, task: ValidateTask): TaskOutcome {
  const answer = parsed("Cannot deserialize policy validation response", () => parseGuestAnswer(bytes));
  return parsed("Cannot convert policy validation response", () => mutated(answer, task));
}

function mutated({ mutatedObject, ...answer }: GuestAnswer, task: ValidateTask): TaskOutcome {
  const mutation = mutationOf(mutatedObject, task);
  return { kind: "validated", answer: mutation === undefined ? answer : { ...answer, mutation } };
}

function parsed<T>(attempt: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(`${attempt}: ${messageOf(error)}`, { cause: error });
  }
}
