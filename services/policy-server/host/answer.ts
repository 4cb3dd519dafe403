// pure
import type { HostQuestion } from "./questions.ts";

/** The bytes a guest reads, JSON in UTF-8. They never change: many are told the same ones. */
export type AnswerBytes = Uint8Array;

/**
 * Answers what has passed the gate (dispatch.ts). Rejects with the text that the guest reads; ends with the signal, which
 * is the evaluation's.
 */
export type AnswerQuestion = (question: HostQuestion, signal: AbortSignal) => Promise<AnswerBytes>;

/** JSON text as the bytes of an answer. */
export function answerOf(json: string): AnswerBytes {
  return new TextEncoder().encode(json);
}
