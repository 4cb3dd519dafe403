import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { KubewardenError } from "../contracts/errors.ts";
import packageJson from "../package.json" with { type: "json" };

/** One setting: its long flag is the name in kebab-case, its environment variable is `env`. */
export type Flag<T> = {
  description: string;
  env?: string;
  /** Long flag where it is not the name in kebab-case, without `--`. */
  flag?: string;
  fallback: T;
  /** How help shows the fallback where its value does not read well. */
  fallbackText?: string;
  /** How help shows the value; absent for a boolean. */
  placeholder?: string;
  /** Throws any error whose message says what is expected. */
  parse: (text: string) => T;
};
// deno-lint-ignore no-explicit-any -- the value type is recovered by FlagValues; `unknown` would not accept a Flag<string>
type AnyFlag = Flag<any>;
export type Flags = Readonly<Record<string, AnyFlag>>;
export type FlagValues<F extends Flags> = { [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

export type CliSpec<F extends Flags> = { name: string; description: string; flags: F };

/** The version that `--version` prints. */
export const productVersion: string = packageJson.version;

/**
 * Reads flags, then environment variables, then defaults. `undefined` after `--help` or `--version` was printed; throws
 * `USAGE` with a message for the user.
 */
export function parseCli<F extends Flags>(
  spec: CliSpec<F>,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): FlagValues<F> | undefined {
  const command = new Command(spec.name).description(spec.description).exitOverride()
    .configureOutput({ writeErr: () => {} }).version(productVersion, "-V, --version").allowExcessArguments(false);
  for (const [name, flag] of Object.entries(spec.flags)) addOption(command, flag.flag ?? kebab(name), flag);
  try {
    command.parse([...argv], { from: "user" });
    const given = command.opts<Record<string, unknown>>();
    const entries = Object.entries(spec.flags).map(([name, flag]) => {
      const long = flag.flag ?? kebab(name);
      const fromFlag = given[camel(long)];
      return [name, fromFlag !== undefined ? fromFlag : fromEnvironment(flag, env)];
    });
    return Object.fromEntries(entries) as FlagValues<F>;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    if (error instanceof CommanderError) {
      throw new KubewardenError("USAGE", error.message.replace(/^error: /, ""), { cause: error });
    }
    throw error;
  }
}

function addOption(command: Command, long: string, flag: AnyFlag): void {
  const description = `${flag.description}${flag.env ? ` [env ${flag.env}]` : ""}${defaultText(flag)}`;
  const parser = (text: string) => {
    try {
      return flag.parse(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
  if (flag.placeholder) {
    command.addOption(new Option(`--${long} <${flag.placeholder}>`, description).argParser(parser));
    return;
  }
  // `--x`, `--x=false` and `--no-x`, as Go programs and as people write it.
  command.addOption(new Option(`--${long} [bool]`, description).argParser(parser));
  command.addOption(new Option(`--no-${long}`).hideHelp());
}

function fromEnvironment(flag: AnyFlag, env: Readonly<Record<string, string | undefined>>): unknown {
  const text = flag.env === undefined ? undefined : env[flag.env];
  if (text === undefined || text === "") return flag.fallback;
  try {
    return flag.parse(text);
  } catch (error) {
    const message = `environment variable ${flag.env} has the value "${text}": ${(error as Error).message}`;
    throw new KubewardenError("USAGE", message, { cause: error });
  }
}

function defaultText({ fallback, fallbackText }: AnyFlag): string {
  if (fallbackText) return ` (default ${fallbackText})`;
  if (fallback === undefined || fallback === "" || (Array.isArray(fallback) && fallback.length === 0)) return "";
  return ` (default ${Array.isArray(fallback) ? fallback.join(",") : String(fallback)})`;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const camel = (long: string) => long.replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());
