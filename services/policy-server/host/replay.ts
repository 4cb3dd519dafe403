import { stringifyJson } from "../../../contracts/json.ts";
import { answerOf, type AnswerQuestion } from "./answer.ts";
import { parseRecording } from "./recording.ts";

/**
 * A host that answers from a recorded session, strictly in its order, and asks nobody. A question that was not recorded at
 * this place fails; absent optional fields count as null. Throws `RECORDING_INVALID`.
 */
export function replaying(text: string): AnswerQuestion {
  const left = parseRecording(text);
  // deno-lint-ignore require-await
  return async (question, signal) => {
    signal.throwIfAborted();
    const [next] = left;
    if (next === undefined) throw new Error(`the recorded session is empty, but ${question.type} was asked`);
    // Both are of the same schemas, which put their fields into one order.
    if (stringifyJson(next.question) !== stringifyJson(question)) {
      throw new Error(`unexpected request: ${stringifyJson(question)}, recorded was ${stringifyJson(next.question)}`);
    }
    left.shift();
    if (next.response.type === "Error") throw new Error(next.response.message);
    return answerOf(next.response.payload);
  };
}
