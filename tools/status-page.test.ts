/** docs/status.md, against the words that the services may write. */
import { readFile } from "node:fs/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { conditionReasons, passingReasons } from "../contracts/conditions.ts";
import { conditionOwners } from "../contracts/status-owners.ts";

const page = await readFile(new URL("../docs/status.md", import.meta.url), "utf8");

/** Chapter of a condition: one may be about several of them. */
const chapters = page.split(/^### /m).slice(1).map((text) => {
  const [heading = "", ...lines] = text.split(/^## /m)[0]!.split("\n");
  return { types: heading.split(", "), text: lines.join("\n") };
});
const chapterOf = (type: string) => chapters.find(({ types }) => types.includes(type))?.text ?? "";
const rowsOf = (text: string) =>
  text.split("\n").filter((line) => line.startsWith("| `")).map((line) => line.split("|").map((cell) => cell.trim()));

for (const [type, reasons] of Object.entries(conditionReasons)) {
  test(`status page: ${type} has its owner, and a row for each of its reasons and for no other`, () => {
    const text = chapterOf(type);
    const owner = conditionOwners[type as keyof typeof conditionOwners];
    assert.match(text.replaceAll("\n", " "), new RegExp(`Service:\\s+${owner}\\.`));
    const others = chapters.find(({ types }) => types.includes(type))?.types ?? [];
    const published = new Set(others.flatMap((each) => [...conditionReasons[each as keyof typeof conditionReasons]]));
    const rows = rowsOf(text);
    const listed = rows.map(([, reason = ""]) => reason.replaceAll("`", ""));
    assert.equal([...listed].sort(), [...published].sort());
    for (const reason of reasons) assert.ok(listed.includes(reason), reason);
    assert.ok(rows.some(([, , status]) => status === "True"), "some reason is that of True");
    for (const [, reason, status, meaning = "", advice = ""] of rows) {
      assert.ok(["True", "False"].includes(status ?? ""), reason);
      assert.ok(meaning.length > 3 && advice.length > 3, reason);
    }
  });
}

test("status page: names every reason that passes by itself, and each of them is a reason", () => {
  const [, events = ""] = page.split(/^## Events$/m);
  const known = new Set<string>(Object.values(conditionReasons).flat());
  for (const reason of passingReasons) {
    assert.ok(known.has(reason), reason);
    assert.ok(events.includes(`\`${reason}\``), reason);
  }
});

test("reasons are words that Kubernetes takes", () => {
  for (const reason of Object.values(conditionReasons).flat()) assert.match(reason, /^[A-Z][A-Za-z]{0,1023}$/);
});

test.run();
