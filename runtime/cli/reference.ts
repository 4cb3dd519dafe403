// pure
import { type AnyFlag, defaultText, type Flags, longName } from "./flag-table.ts";

export type ReferenceFormat = "markdown" | "asciidoc";

/** A reference page of a command line: the flags that help shows, by group, as tables. */
export function cliReference(
  { name, description, flags }: { name: string; description: string; flags: Flags },
  format: ReferenceFormat,
): string {
  const write = writers[format];
  const shown = Object.entries(flags).filter(([, flag]) => !flag.hidden);
  const groups = Map.groupBy(shown, ([, { group = "Options:" }]) => group.replace(/:$/, ""));
  const parts = [...groups].map(([title, entries]) =>
    `${write.heading(2, title)}\n\n${write.table(columns, entries.map(([key, flag]) => rowFor(key, flag)))}`
  );
  return `${write.heading(1, name)}\n\n${description}\n\n${precedence}\n\n${parts.join("\n\n")}\n`;
}

const precedence =
  "A flag wins over its environment variable, the variable over the default. An empty variable counts as not set.";
const columns = ["Flag", "Environment", "Default", "Description"];

type Cell = { code: boolean; text: string };

function rowFor(key: string, flag: AnyFlag): Cell[] {
  const value = flag.placeholder === undefined ? "" : ` <${flag.placeholder}>`;
  return [
    { code: true, text: `${flag.short ? `-${flag.short}, ` : ""}--${longName(key, flag)}${value}` },
    { code: true, text: flag.env ?? "" },
    { code: flag.fallbackText === undefined, text: defaultText(flag) },
    { code: false, text: flag.description },
  ];
}

type Writer = {
  heading: (level: number, text: string) => string;
  table: (head: readonly string[], rows: readonly Cell[][]) => string;
};

const writers: Record<ReferenceFormat, Writer> = {
  markdown: {
    heading: (level, text) => `${"#".repeat(level)} ${text}`,
    table(head, rows) {
      const cell = ({ code, text }: Cell) => {
        const escaped = (code ? text : text.replaceAll("<", "&lt;")).replaceAll("|", "\\|");
        return code && text !== "" ? `\`${escaped}\`` : escaped;
      };
      const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
      return [line(head), line(head.map(() => "---")), ...rows.map((row) => line(row.map(cell)))].join("\n");
    },
  },
  asciidoc: {
    heading: (level, text) => `${"=".repeat(level)} ${text}`,
    table(head, rows) {
      const cell = ({ code, text }: Cell) => {
        const escaped = text.replaceAll("|", "\\|");
        return `|${code && text !== "" ? `\`+${escaped}+\`` : escaped}`;
      };
      const body = rows.map((row) => row.map(cell).join("\n"));
      return ['[options="header"]', "|===", head.map((each) => `|${each}`).join(" "), "", body.join("\n\n"), "|==="]
        .join("\n");
    },
  },
};
