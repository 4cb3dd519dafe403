import { z } from "zod";
import { parseJson } from "../../../contracts/json.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import type { Span } from "../../../runtime/telemetry/span.ts";

const eventSchema = z.looseObject({
  level: z.string().transform((level) => level.toLowerCase()).pipe(
    z.enum(["trace", "debug", "info", "warning", "error"]),
  ),
  message: z.string().nullish(),
});

/** `trace` has no level of its own in our logs. */
const writers = { trace: "debug", debug: "debug", info: "info", warning: "warn", error: "error" } as const;

type Policy = { policy: string; log: Log; span?: Span | undefined };

/**
 * `kubewarden/tracing/log`: one line in our log for what a policy wants to say. Never fails for the guest; a line that
 * cannot be read is reported instead (reference/policy-server.md 5.2).
 */
export function logForPolicy(payload: Uint8Array, { policy, log, span }: Policy): void {
  try {
    const event = eventSchema.parse(parseJson(new TextDecoder("utf-8", { fatal: true }).decode(payload)));
    const { level, message, ...data } = event;
    log[writers[level]](message ?? "", { target: "policy_log", policy, data });
    // Only the words that a policy chose; its data may be anything of the object.
    span?.event("policy_log", { level, message: message ?? "" });
  } catch (error) {
    log.error("Cannot log event", { target: "policy_log", policy, error });
  }
}
