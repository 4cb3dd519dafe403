import { messageOf } from "../../../contracts/errors.ts";
import { mutationOf } from "../admission/mutation.ts";
import { type GuestAnswer, parseGuestAnswer, parseSettingsAnswer } from "../admission/policy-answer.ts";
import type { GuestTask, TaskOutcome } from "./protocol.ts";
import type { GuestOutcome } from "./wapc-guest.ts";

/** Performs a task by a call of a guest, which `call` makes, and reads its answer; never throws. */
export function performTask(task: GuestTask, call: (task: GuestTask) => GuestOutcome): TaskOutcome {
  const outcome = call(task);
  if (outcome.kind !== "answered") return outcome;
  try {
    return task.operation === "validate"
      ? validated(parsed(outcome.bytes, parseGuestAnswer), task)
      : { kind: "settings", answer: parsed(outcome.bytes, parseSettingsAnswer) };
  } catch (error) {
    return { kind: "invalid-answer", message: messageOf(error) };
  }
}

function validated(
  { mutatedObject, ...answer }: GuestAnswer,
  task: GuestTask & { operation: "validate" },
): TaskOutcome {
  const mutation = mutationOf(mutatedObject, task);
  return { kind: "validated", answer: mutation === undefined ? answer : { ...answer, mutation } };
}

function parsed<T>(bytes: Uint8Array, parse: (bytes: Uint8Array) => T): T {
  try {
    return parse(bytes);
  } catch (error) {
    throw new Error(`invalid response from policy: ${messageOf(error)}`, { cause: error });
  }
}
