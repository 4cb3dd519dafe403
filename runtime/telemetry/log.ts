import { type LineWriter, lineWriter } from "./line-writer.ts";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFields = Record<string, unknown>;

/** One line an event. Fields are plain values; an `Error` shows its code, message and causes. Never pass a secret. */
export type Log = {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with fields on every line. */
  child(fields: LogFields): Log;
};

export type LogOptions = {
  level?: LogLevel;
  format?: "json" | "text";
  fields?: LogFields;
  /** Colours the level of lines of text. */
  color?: boolean;
  /** Where a line goes, without its newline; default standard output. */
  write?: (line: string) => void;
  now?: () => Date;
};

/** Lines as JSON (`timestamp`, `level`, `message`, fields) or as text (`time LEVEL message key=value`). */
export function createLog(options: LogOptions = {}): Log {
  const { level = "info", format = "json", fields: common = {}, color = false, now = () => new Date() } = options;
  const write = options.write ?? ((line) => standardOutput().write(line));
  const threshold = logLevels.indexOf(level);
  const at = (each: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (logLevels.indexOf(each) < threshold) return;
    const timestamp = now().toISOString();
    const values = readable({ ...common, ...fields });
    write(
      format === "json"
        ? JSON.stringify({ timestamp, level: each, message: withoutSecrets(message), ...values })
        : `${timestamp} ${levelText(each, color)} ${withoutSecrets(message)}${textOf(values)}`,
    );
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => createLog({ ...options, write, fields: { ...common, ...fields } }),
  };
}

let shared: LineWriter | undefined;

/** One for all logs of the process, so that their lines stay in order. */
function standardOutput(): LineWriter {
  if (shared === undefined) {
    shared = lineWriter((text) => void process.stdout.write(text));
    process.on("exit", shared.flush);
  }
  return shared;
}

const colors: Record<LogLevel, number> = { debug: 34, info: 32, warn: 33, error: 31 };

function levelText(level: LogLevel, color: boolean): string {
  const text = level.toUpperCase().padEnd(5);
  return color ? `\x1b[${colors[level]}m${text}\x1b[0m` : text;
}

/** A log that says nothing. */
export const silentLog: Log = createLog({ level: "error", write: () => {} });

const secretKey = /^(authorization|password|token|private-?key|tls\.key|client-key-data)$/i;

function readable(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined).map(([key, value]) => [
      key,
      secretKey.test(key) ? "[redacted]" : readableValue(value),
    ]),
  );
}

function readableValue(value: unknown): unknown {
  if (value instanceof Error) return withoutSecrets(describeError(value));
  if (typeof value === "string") return withoutSecrets(value);
  if (typeof value === "bigint") return String(value);
  return value;
}

/** `CODE: message, because cause`, down to the first cause. */
function describeError(error: Error): string {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  const own = typeof code === "string" ? `${code}: ${error.message}` : error.message || error.name;
  if (cause instanceof Error && !own.includes(cause.message)) return `${own}, because ${describeError(cause)}`;
  return own;
}

/** Last line of defence: what looks like a credential does not reach a log, whatever carried it there. */
function withoutSecrets(text: string): string {
  if (!/bearer |PRIVATE KEY/i.test(text)) return text;
  return text.replace(/(bearer) [\w.~+/=-]+/gi, "$1 [redacted]")
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, "[redacted private key]");
}

function textOf(fields: LogFields): string {
  return Object.entries(fields).map(([key, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return ` ${key}=${/[\s"=]/.test(text) && typeof value === "string" ? JSON.stringify(text) : text}`;
  }).join("");
}
