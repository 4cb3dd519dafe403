// pure
import { type Citation, citationsIn } from "./citations.ts";

/** Lists of upstream's behaviour that docs/compatibility.md answers to the last entry. */
export type ClosedList = { what: string; ids: readonly string[] };

export const closedLists: readonly ClosedList[] = [
  { what: "acceptance tests of the policy-server", ids: numbered("AT-", { from: 1, to: 30, digits: 3 }) },
  {
    what: "acceptance tests of configuration, metadata and verdicts",
    ids: [[31, 46], [49, 57], [68, 68], [70, 73], [86, 89]].flatMap(([from = 0, to = 0]) =>
      numbered("AT-", { from, to, digits: 3 })
    ),
  },
  {
    what: "acceptance tests of fetching modules",
    ids: ["AT-047", ...numbered("AT-", { from: 104, to: 110, digits: 3 }), "AT-120", "AT-121", "AT-122"],
  },
  {
    what: "acceptance tests of signatures",
    ids: ["AT-048", ...numbered("AT-", { from: 111, to: 119, digits: 3 })],
  },
  {
    what: "acceptance tests of host calls",
    ids: [[58, 65], [74, 85], [98, 103]].flatMap(([from = 0, to = 0]) => numbered("AT-", { from, to, digits: 3 })),
  },
  {
    what: "acceptance tests of kinds of guests",
    ids: [
      ...["AT-066", "AT-067", "AT-069"],
      ...numbered("AT-", { from: 90, to: 97, digits: 3 }),
      ...numbered("AT-", { from: 123, to: 126, digits: 3 }),
    ],
  },
  { what: "bugs of the controller and the audit scanner", ids: numbered("B", { from: 1, to: 35 }) },
  { what: "acceptance tests of the admission of PolicyServers", ids: numbered("PS-U", { from: 1, to: 10 }) },
  { what: "acceptance tests of the admission of policies", ids: numbered("PO-U", { from: 1, to: 16 }) },
  { what: "acceptance tests of parts of the controller", ids: numbered("CT-U", { from: 1, to: 3 }) },
  { what: "acceptance tests of PolicyServers", ids: numbered("IT-", { from: 1, to: 32 }) },
  { what: "acceptance tests of certificates", ids: numbered("CE-", { from: 1, to: 6 }) },
  { what: "acceptance tests on a cluster", ids: numbered("EE-", { from: 0, to: 7 }) },
  { what: "acceptance tests of installations", ids: numbered("BT-", { from: 1, to: 17 }) },
  { what: "acceptance tests of charts", ids: numbered("HE-", { from: 1, to: 5 }) },
];

/** `prefix` and every number from `from` to `to`, zeros in front where there are fewer digits. */
export function numbered(prefix: string, { from, to, digits = 1 }: { from: number; to: number; digits?: number }) {
  return Array.from({ length: to - from + 1 }, (_, index) => prefix + String(from + index).padStart(digits, "0"));
}

/** One id's row of a table: the tests of its last cell, and what else stands there. */
export type Row = { id: string; citations: Citation[]; reason: string };

/** The rows of a page for the ids of a list. A row may stand for several: `B1, B2`. */
export function rowsOf(text: string, { ids }: ClosedList): Row[] {
  const known = new Set(ids);
  return text.split("\n").filter((line) => line.startsWith("|")).flatMap((line) => {
    const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
    const last = cells.at(-1) ?? "";
    const row = { citations: citationsIn(last), reason: last.replace(/`[^`]*`|<br>/g, "").trim() };
    return (cells[0] ?? "").split(/,\s*/).filter((id) => known.has(id)).map((id) => ({ id, ...row }));
  });
}

/** Every id stands in exactly one row, and its row cites a test or says in words why it cites none. */
export function listProblems({ ids }: ClosedList, rows: readonly Row[]): string[] {
  const counts = new Map<string, number>();
  for (const { id } of rows) counts.set(id, (counts.get(id) ?? 0) + 1);
  const wrongCounts = ids.filter((id) => counts.get(id) !== 1).map((id) => `${id} has ${counts.get(id) ?? 0} rows`);
  const empty = rows.filter(({ citations, reason }) => citations.length === 0 && reason.split(/\s+/).length < 3);
  return [...wrongCounts, ...empty.map(({ id }) => `${id} has neither a test nor a reason`)];
}
