import { Command, CommanderError, type Help, InvalidArgumentError, Option } from "commander";
import { KubewardenError } from "../../contracts/errors.ts";
import { similarWord } from "../../contracts/similar-word.ts";
import packageJson from "../../package.json" with { type: "json" };
import { type AnyFlag, defaultText, type Flags, type FlagValues, longName } from "./flag-table.ts";

export type CliSpec<F extends Flags> = {
  name: string;
  description: string;
  flags: F;
  /** What `--version` says after the version; `-V` never does. */
  versionDetails?: string;
  /** What else the first argument may be: name with arguments -> description. Whoever calls handles them before. */
  commands?: Readonly<Record<string, string>>;
};

/** The version that `--version` prints. */
export const productVersion: string = packageJson.version;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads flags, then environment variables, then defaults. `undefined` after `--help` or `--version` was printed; throws
 * `USAGE` with a message for the user.
 */
export function parseCli<F extends Flags>(
  spec: CliSpec<F>,
  argv: readonly string[],
  env: Environment = process.env,
): FlagValues<F> | undefined {
  const command = commandFor(spec);
  try {
    command.parse([...argv], { from: "user" });
    const given = command.opts<Record<string, unknown>>();
    const entries = Object.entries(spec.flags).map(([name, flag]) => {
      const fromFlag = given[camel(longName(name, flag))];
      return [name, fromFlag !== undefined ? fromFlag : fromEnvironment(flag, env)];
    });
    return Object.fromEntries(entries) as FlagValues<F>;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const message = error.code === "commander.excessArguments"
      ? strayArgument(command.args[0] ?? "", spec)
      : error.message.replace(/^error: /, "");
    throw new KubewardenError("USAGE", message, { cause: error });
  }
}

function commandFor(spec: CliSpec<Flags>): Command {
  const command = new Command(spec.name).description(spec.description).exitOverride().allowExcessArguments(false)
    .configureOutput({ writeErr: () => {} }).configureHelp({ helpWidth: 100, padWidth: () => termColumns, formatItem });
  for (const [name, flag] of Object.entries(spec.flags)) addOption(command, longName(name, flag), flag);
  addVersion(command, {
    short: productVersion,
    long: [productVersion, spec.versionDetails].filter(Boolean).join("\n\n"),
  });
  const commands = Object.entries(spec.commands ?? {});
  if (commands.length > 0) {
    const list = commands.map(([usage, description]) => `  ${usage.padEnd(termColumns)}  ${description}\n`).join("");
    command.addHelpText("after", `\nCommands:\n${list}`.trimEnd());
  }
  return command;
}

function addOption(command: Command, long: string, flag: AnyFlag): void {
  const fallback = defaultText(flag);
  const source = [
    ...(flag.env === undefined ? [] : [`[env ${flag.env}]`]),
    ...(fallback === "" || flag.fallback === false ? [] : [`(default ${fallback})`]),
  ];
  const description = source.length === 0 ? flag.description : `${flag.description}\n${source.join(" ")}`;
  const parser = (text: string, before: unknown) => {
    try {
      const value = flag.parse(text);
      return flag.combine && before !== undefined ? flag.combine(before, value) : value;
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
  const add = (option: Option) => command.addOption(option.helpGroup(flag.group ?? "Options:"));
  const names = `${flag.short ? `-${flag.short}, ` : ""}--${long}`;
  const value = flag.placeholder ? `<${flag.placeholder}>` : "[bool]";
  add(new Option(`${names} ${value}`, description).argParser(parser).hideHelp(flag.hidden ?? false));
  // `--x`, `--x=false` and `--no-x`, as Go programs and as people write it.
  if (!flag.placeholder) add(new Option(`--no-${long}`).hideHelp());
}

/** Two options, since upstream tells more with the long one. */
function addVersion(command: Command, { short, long }: { short: string; long: string }): void {
  for (const [flags, event, text] of [["-V", "V", short], ["--version", "version", long]] as const) {
    const option = new Option(flags, `print the version${short === long || event === "V" ? "" : " and the builtins"}`);
    command.addOption(option.helpGroup("Options:"));
    command.on(`option:${event}`, () => {
      process.stdout.write(`${text}\n`);
      throw new CommanderError(0, "commander.version", text);
    });
  }
}

function fromEnvironment(flag: AnyFlag, env: Environment): unknown {
  const text = flag.env === undefined ? undefined : env[flag.env];
  if (text === undefined || text === "") return flag.fallback;
  try {
    return (flag.parseEnv ?? flag.parse)(text);
  } catch (error) {
    const message = `environment variable ${flag.env} has the value "${text}": ${(error as Error).message}`;
    throw new KubewardenError("USAGE", message, { cause: error });
  }
}

function strayArgument(text: string, { commands = {} }: CliSpec<Flags>): string {
  const names = Object.keys(commands).map((usage) => usage.split(" ", 1).join());
  if (names.includes(text)) return `"${text}" must be the first argument`;
  const meant = similarWord(text, names);
  return `unexpected argument "${text}"${meant === undefined ? "" : `\n(Did you mean ${meant}?)`}`;
}

const termColumns = 32;

/** A term and its description side by side, or below each other where the term is long. */
function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  const indent = " ".repeat(termWidth + 4);
  const text = helper.boxWrap(description, (helper.helpWidth ?? 80) - indent.length).replaceAll("\n", `\n${indent}`);
  return term.length > termWidth ? `  ${term}\n${indent}${text}` : `  ${term.padEnd(termWidth)}  ${text}`;
}

const camel = (long: string) => long.replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());
