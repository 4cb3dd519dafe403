/**
 * Proves that the controllers have the rights they need and no others: plays a story that needs all of them, then once
 * more for each right with that right taken away, which must be missed. Takes minutes.
 *
 *   npm run check:rbac -- [--jobs N] [--only TEXT]
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { renderKustomization } from "./kustomize.ts";
import { play } from "./rbac/play.ts";
import { accountsOf, isFor, type Right, rightsOf, textOf, type Use, withoutRight } from "./rbac/rights.ts";

const { values } = parseArgs({
  options: { jobs: { type: "string", default: "2" }, only: { type: "string", default: "" } },
});
const overlay = join(dirname(fileURLToPath(import.meta.url)), "../deploy/kustomize/overlays/default");
const installation = await renderKustomization(overlay);
const rights = rightsOf(installation);
const problems: string[] = [];
let missed = 0;

const uses = await play(installation);
for (const text of new Set(uses.filter(({ allowed }) => !allowed).map(wordsOf))) problems.push(`denied: ${text}`);
for (const right of rights) {
  if (!uses.some((use) => isOf(right, use))) problems.push(`nobody uses ${textOf(right)}`);
}
report(`${uses.length} requests, ${rights.length} rights`);

const queue = problems.length > 0 ? [] : rights.filter((each) => textOf(each).includes(values.only));
await Promise.all(Array.from({ length: Number(values.jobs) }, async () => {
  for (let right = queue.shift(); right !== undefined; right = queue.shift()) await takeAway(right);
}));
console.log(`\n${missed} passed, ${problems.length} failed`);
process.exit(problems.length === 0 ? 0 : 1);

async function takeAway(right: Right): Promise<void> {
  const started = performance.now();
  const isMissed = (use: Use) => !use.allowed && isOf(right, use);
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  try {
    const after = await play(withoutRight(installation, right), isMissed);
    if (after.some(isMissed)) {
      missed++;
      return console.log(`missed  ${textOf(right)} (${seconds()} s)`);
    }
    problems.push(`not missed: ${textOf(right)}`);
  } catch (error) {
    problems.push(`not missed, but the story ended: ${textOf(right)}: ${error}`);
  }
  report(textOf(right));
}

function isOf(right: Right, use: Use): boolean {
  return isFor(right, use) && accountsOf(right.role, installation).includes(use.account);
}

function wordsOf({ account, verb, resource, group }: Use): string {
  return `${account} may not ${verb} ${resource}${group === "" ? "" : `.${group}`}`;
}

function report(title: string): void {
  console.log(title);
  for (const problem of problems) console.log(`FAIL    ${problem}`);
}
