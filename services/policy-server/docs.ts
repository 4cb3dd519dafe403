import { KubewardenError, messageOf } from "../../contracts/errors.ts";
import { parseCli } from "../../runtime/cli/cli.ts";
import { cliReference } from "../../runtime/cli/reference.ts";
import { writeText } from "../../runtime/files.ts";
import type { Flags } from "../../runtime/cli/flag-table.ts";
import { textFlag } from "../../runtime/cli/flags.ts";
import type { ProcessContext } from "../../runtime/process/process.ts";

/**
 * The subcommand `docs -o FILE`: writes a reference of the flags, AsciiDoc if the file ends in `.adoc`, else Markdown.
 * Throws USAGE, or CONFIG_INVALID if the file cannot be written.
 */
export async function writeDocs(
  spec: { name: string; description: string; flags: Flags },
  { argv, env }: { argv: readonly string[] } & Pick<ProcessContext, "env">,
): Promise<void> {
  const values = parseCli(
    {
      name: `${spec.name} docs`,
      description: "Writes a reference of the command line, as Markdown, or as AsciiDoc if the file ends in .adoc.",
      flags: { output: textFlag("file to write", "", { short: "o", placeholder: "file" }) },
    },
    argv,
    env,
  );
  if (values === undefined) return;
  const { output } = values;
  if (output === "") throw new KubewardenError("USAGE", "docs needs a file to write: -o, --output <file>");
  try {
    await writeText(output, cliReference(spec, output.endsWith(".adoc") ? "asciidoc" : "markdown"));
  } catch (cause) {
    throw new KubewardenError("CONFIG_INVALID", `Cannot write "${output}": ${messageOf(cause)}`, { cause });
  }
}
