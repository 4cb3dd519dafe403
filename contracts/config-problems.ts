// pure
import type { z } from "zod";
import { type ErrorCode, KubewardenError } from "./errors.ts";

/** Something wrong at a place of a configuration file. */
export type ConfigProblem = {
  /** Keys and indexes from the root of the file. */
  path: readonly PropertyKey[];
  /** How a person calls the part that `path` names up to here; default the path itself. */
  subject?: string | undefined;
  message: string;
  /** Lines that are known already; default the line of `path`. */
  lines?: readonly number[];
};

/** Where a parsed value came from: lines of its text (1 is the first), and what was wrong with the text itself. */
export type ConfigSource = {
  lineOf?: (path: readonly PropertyKey[]) => number | undefined;
  problems?: readonly ConfigProblem[];
};

// More do not help anybody, and a termination message has 4096 bytes.
const maxShown = 20;

/** The issues of a failed parse as problems of the value at `path`. None of them shows a value of the file. */
export function problemsOf(
  error: z.ZodError,
  { path = [], subject }: { path?: readonly PropertyKey[]; subject?: string } = {},
): ConfigProblem[] {
  const base = subject ?? path.map(String).join(".");
  return error.issues.flatMap((issue) => {
    const at = (own: readonly PropertyKey[], message: string): ConfigProblem => {
      return {
        path: [...path, ...own],
        subject: [base, own.map(String).join(".")].filter(Boolean).join(": "),
        message,
      };
    };
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        ...at(issue.path, `unknown field \`${key}\``),
        path: [...path, ...issue.path, key],
      }));
    }
    const name = issue.path.at(-1);
    if (name !== undefined && /received undefined$/.test(issue.message)) {
      return [at(issue.path.slice(0, -1), `missing field \`${String(name)}\``)];
    }
    return [at(issue.path, issue.message.replace(/^Invalid input: /, ""))];
  });
}

/** The error of a file: every problem with its line, one on the same line, more on lines of their own. */
export function configFileInvalid(
  code: ErrorCode,
  problems: readonly ConfigProblem[],
  { lineOf }: ConfigSource = {},
): KubewardenError {
  const texts = problems.slice(0, maxShown).map(({ path, subject = path.map(String).join("."), message, lines }) => {
    const at = lines ?? [lineOf?.(path)].filter((line) => line !== undefined);
    const suffix = at.length === 0 ? "" : ` (line${at.length === 1 ? "" : "s"} ${at.join(" and ")})`;
    return `${subject === "" ? "" : `${subject}: `}${message}${suffix}`;
  });
  const more = problems.length > maxShown ? [`and ${problems.length - maxShown} more`] : [];
  const text = texts.length === 1
    ? texts.join()
    : `${problems.length} problems:\n  ${[...texts, ...more].join("\n  ")}`;
  return new KubewardenError(code, text);
}

/** A configuration file as it was read: its value, not checked yet, and where that came from. */
export type ConfigText = { value: unknown; source: Required<ConfigSource> };

/** As deep as upstream's reader goes; a deeper value would exhaust some stack. */
export const maxConfigDepth = 128;
