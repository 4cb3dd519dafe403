// pure

/** One setting: its long flag is the name in kebab-case, its environment variable is `env`. */
export type Flag<T> = {
  description: string;
  env?: string;
  /** Long flag where it is not the name in kebab-case, without `--`. */
  flag?: string;
  /** One letter, without `-`. */
  short?: string;
  fallback: T;
  /** How help shows the fallback where its value does not read well. */
  fallbackText?: string;
  /** How help shows the value; absent for a boolean. */
  placeholder?: string;
  /** Heading of its part of the help. */
  group?: string;
  /** Works, and is not told in the help. */
  hidden?: boolean;
  /** Throws any error whose message says what is expected. */
  parse: (text: string) => T;
  /** For a variable that is read another way than the flag. */
  parseEnv?: (text: string) => T;
  /** For a flag that may be given again: joins what was given before with the next. */
  combine?: (before: T, next: T) => T;
};
// deno-lint-ignore no-explicit-any -- the value type is recovered by FlagValues; `unknown` would not accept a Flag<string>
export type AnyFlag = Flag<any>;
export type Flags = Readonly<Record<string, AnyFlag>>;
export type FlagValues<F extends Flags> = { [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** `logLevel` is `--log-level`; without the dashes. */
export function longName(name: string, flag: AnyFlag): string {
  return flag.flag ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The default as help and reference show it; empty where there is none. */
export function defaultText({ fallback, fallbackText }: AnyFlag): string {
  if (fallbackText !== undefined) return fallbackText;
  if (fallback === undefined || (Array.isArray(fallback) && fallback.length === 0)) return "";
  return Array.isArray(fallback) ? fallback.join(",") : String(fallback);
}
