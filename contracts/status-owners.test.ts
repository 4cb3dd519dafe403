import { readFile } from "node:fs/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { conditionReasons } from "./conditions.ts";
import { conditionOwners, policyFieldOwners, policyServerFieldOwners } from "./status-owners.ts";

test("status owners: the table of the README names every field and condition beside its owner", async () => {
  const readme = await readFile(new URL("./README.md", import.meta.url), "utf8");
  const rows = readme.split("\n").filter((line) => /^\| (PolicyServer|policy, all kinds) /.test(line));
  const inReadme = Object.fromEntries(rows.flatMap((row) => {
    const [, , fields = "", owner = ""] = row.split("|").map((cell) => cell.trim());
    return [...fields.matchAll(/`(\w+)`/g)].map(([, field = ""]) => [field, owner]);
  }));
  assert.equal(inReadme, { ...conditionOwners, ...policyServerFieldOwners, ...policyFieldOwners });
});

test("status owners: the README explains every condition", async () => {
  const readme = await readFile(new URL("./README.md", import.meta.url), "utf8");
  for (const type of Object.keys(conditionReasons)) assert.ok(readme.includes(`**${type}**`), type);
});

test.run();
