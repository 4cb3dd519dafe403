import { Document, parse, parseDocument, stringify } from "yaml";
import { z } from "zod";
import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { type HostQuestion, questionOf } from "./questions.ts";

/** One question and what the host answered: JSON, or the text of its failure. */
export type Exchange = { question: HostQuestion; response: RecordedResponse };
export type RecordedResponse = { type: "Success"; payload: string } | { type: "Error"; message: string };

const recorded = z.array(z.object({
  type: z.literal("Exchange"),
  request: z.string(),
  response: z.discriminatedUnion("type", [
    z.object({ type: z.literal("Success"), payload: z.string() }),
    z.object({ type: z.literal("Error"), message: z.string() }),
  ]),
}));

/**
 * A recorded session as upstream's kwctl writes it: a list of exchanges, each request a YAML text of its own whose tag is
 * its type. Source: reference/policy-server.md 11.4.
 */
export function formatRecording(exchanges: readonly Exchange[]): string {
  const list = exchanges.map(({ question, response }) => ({
    type: "Exchange",
    request: requestText(question),
    response,
  }));
  return stringify(list, { lineWidth: 0 });
}

/** Reads a recorded session. Throws `RECORDING_INVALID` with the number of the exchange that cannot be read. */
export function parseRecording(text: string): Exchange[] {
  let list: z.output<typeof recorded>;
  try {
    list = recorded.parse(parse(text) ?? []);
  } catch (cause) {
    throw invalid(messageOf(cause), cause);
  }
  return list.map(({ request, response }, index) => {
    try {
      return { question: questionIn(request), response };
    } catch (cause) {
      throw invalid(`exchange ${index + 1}: ${messageOf(cause)}`, cause);
    }
  });
}

function requestText({ type, ...fields }: HostQuestion): string {
  const document = new Document(fields);
  if (document.contents) document.contents.tag = `!${type}`;
  return document.toString({ lineWidth: 0 });
}

function questionIn(text: string): HostQuestion {
  // The tags are ours to read; to the library they are unknown, which it would warn of.
  const document = parseDocument(text, { logLevel: "error" });
  if (document.errors[0]) throw document.errors[0];
  const tag = document.contents?.tag;
  if (!tag?.startsWith("!")) throw new Error("the request has no tag that says its type");
  return questionOf(tag.slice(1), document.toJS());
}

function invalid(why: string, cause: unknown): KubewardenError {
  return new KubewardenError("RECORDING_INVALID", `Cannot read the recorded session: ${why}`, { cause });
}
