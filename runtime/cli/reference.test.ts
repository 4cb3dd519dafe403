import { test } from "uvu";
import * as assert from "uvu/assert";
import { cliReference } from "./reference.ts";
import { booleanFlag, choiceFlag, integerFlag, textFlag } from "./flags.ts";

const spec = {
  name: "tool",
  description: "Does things.",
  flags: {
    level: choiceFlag("how much", ["a", "b"], "a", { env: "LEVEL", group: "Talking:" }),
    output: textFlag("where to, <here> | there", "", { short: "o", placeholder: "file", group: "Talking:" }),
    workers: integerFlag("threads", 3, { fallbackText: "number of CPUs" }),
    secret: booleanFlag("nobody hears of it", false, { hidden: true }),
  },
};

test("cli reference: Markdown has a table for each group, without hidden flags", () => {
  assert.is(
    cliReference(spec, "markdown"),
    `# tool

Does things.

A flag wins over its environment variable, the variable over the default. An empty variable counts as not set.

## Talking

| Flag | Environment | Default | Description |
| --- | --- | --- | --- |
| \`--level <a\\|b>\` | \`LEVEL\` | \`a\` | how much |
| \`-o, --output <file>\` |  |  | where to, &lt;here> \\| there |

## Options

| Flag | Environment | Default | Description |
| --- | --- | --- | --- |
| \`--workers <number>\` |  | number of CPUs | threads |
`,
  );
});

test("cli reference: AsciiDoc has the same", () => {
  const text = cliReference(spec, "asciidoc");
  assert.ok(text.startsWith("= tool\n\nDoes things.\n"));
  assert.ok(text.includes(
    '== Talking\n\n[options="header"]\n|===\n|Flag |Environment |Default |Description\n\n' +
      "|`+--level <a\\|b>+`\n|`+LEVEL+`\n|`+a+`\n|how much\n\n",
  ));
  assert.not.ok(text.includes("secret"));
});

test.run();
