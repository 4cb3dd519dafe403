import { messageOf } from "../../../contracts/errors.ts";
import type { AnswerQuestion } from "./answer.ts";
import { type Exchange, formatRecording, type RecordedResponse } from "./recording.ts";

/** Remembers what is asked of a host and what it answers, in the order of the questions. */
export class SessionRecorder {
  readonly #exchanges: { question: Exchange["question"]; response?: RecordedResponse }[] = [];

  /** Answers as `answer` does, and remembers it. */
  recording(answer: AnswerQuestion): AnswerQuestion {
    return async (question, signal) => {
      const exchange: { question: Exchange["question"]; response?: RecordedResponse } = { question };
      this.#exchanges.push(exchange);
      try {
        const bytes = await answer(question, signal);
        exchange.response = { type: "Success", payload: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
        return bytes;
      } catch (error) {
        exchange.response = { type: "Error", message: messageOf(error) };
        throw error;
      }
    };
  }

  /** The session so far, as text; questions without an answer yet are left out. */
  text(): string {
    return formatRecording(
      this.#exchanges.flatMap(({ question, response }) => response ? [{ question, response }] : []),
    );
  }
}
