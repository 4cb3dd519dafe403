import { diag, DiagLogLevel } from "@opentelemetry/api";
import { setGlobalErrorHandler } from "@opentelemetry/core";
import { messageOf } from "../../contracts/errors.ts";
import { boundedText } from "./bounded-text.ts";
import type { Log } from "./log.ts";

const windowMs = 60_000;
const linesPerWindow = 5;

/**
 * Lets OpenTelemetry's libraries warn in our log (theirs is one for the process), a few times a minute: a collector that
 * is away for a day must not fill a disk.
 */
export function logOtlpProblems(log: Log): void {
  const say = limitedWarnings(log);
  const ignore = () => {};
  diag.setLogger({ error: say, warn: say, info: ignore, debug: ignore, verbose: ignore }, {
    logLevel: DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
  setGlobalErrorHandler((error) => say(typeof error === "string" ? error : messageOf(error)));
}

/** At most five lines a minute; the first of the next says how many were left out. */
export function limitedWarnings(log: Log, now = () => performance.now()) {
  let windowStart = -Infinity, said = 0, leftOut = 0;
  return (message: string, ...details: unknown[]): void => {
    if (now() - windowStart >= windowMs) {
      windowStart = now();
      said = 0;
    }
    if (said++ >= linesPerWindow) return void leftOut++;
    const reason = [
      message,
      ...details.filter((each) => each instanceof Error || typeof each === "string").map(messageOf),
    ];
    log.warn("Telemetry: something does not work", {
      reason: boundedText(withoutUserInfo(reason.join(" ")), 1000),
      leftOut: leftOut || undefined,
    });
    leftOut = 0;
  };
}

/** An endpoint's user and password are no matter of the log. */
function withoutUserInfo(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, "//");
}
