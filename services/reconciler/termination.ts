// pure

/** What a policy server said about one policy, or group member as `group/member`, before it ended. */
export type LoadFailure = { policy: string; code: string; message: string };

/** A termination message: failures by policy where it is in the agreed form, and one sentence in every case. */
export type Termination = { failures: LoadFailure[]; summary: string };

const longest = 1024;

/**
 * Reads the termination message of a policy server: one JSON object per line, `{"policy","code","message"}`. Anything
 * else (a crash's log tail, another image) is text. The kubelet cuts messages at 4096 bytes, so a last line may be torn.
 */
export function readTermination(text: string): Termination {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const failures = lines.map(failureIn).filter((each) => each !== undefined);
  const [first] = failures;
  if (first === undefined) return { failures, summary: shorten(text.trim()) };
  const others = failures.length > 1 ? ` (and ${failures.length - 1} more)` : "";
  return { failures, summary: shorten(`policy "${first.policy}": ${first.message}${others}`) };
}

function failureIn(line: string): LoadFailure | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined; // Not JSON: plain text, or a line that the kubelet cut.
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { policy, code, message } = value as Record<string, unknown>;
  if (typeof policy !== "string" || typeof message !== "string") return undefined;
  return { policy, code: typeof code === "string" ? code : "", message: shorten(message) };
}

function shorten(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
