// pure

/** What a policy server said about one policy, or group member as `group/member`, before it ended. */
export type LoadFailure = { policy: string; code: string; message: string };

/**
 * Reads the termination message of a policy server: one JSON object per line, `{"policy","code","message"}`. Anything
 * else (a crash's log tail, another image) names no policy. The kubelet cuts messages at 4096 bytes, so a last line may
 * be torn, and nothing is cut here: what a policy says against its settings stays whole.
 */
export function loadFailuresIn(text: string): LoadFailure[] {
  return text.split("\n").map(failureIn).filter((each) => each !== undefined);
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
  return { policy, code: typeof code === "string" ? code : "", message };
}
