import { silentLog } from "../../../runtime/telemetry/log.ts";
import { apiHandler } from "../api/routes.ts";
import type { GuestPool } from "../guest/pool.ts";
import type { Catalogue, CataloguedPolicy, Runnable } from "../policies/catalogue.ts";
import { parseGroupExpression } from "../../../contracts/group-expression.ts";
import { startGuestPool } from "../testing/guest-pool.ts";
import { runnableOf } from "../testing/guests.ts";
import { echoGuest } from "./echo-guest.ts";

/** The API over real guests in threads, as one function; `ids` are the policies it serves. */
export type Api = {
  handle: (request: Request) => Promise<Response>;
  pool: GuestPool;
  ids: readonly string[];
  echo: Runnable;
};

export async function startApi(): Promise<Api> {
  const pool = await startGuestPool({ workers: 2, maxWaiting: 10_000 });
  const privileged = await runnableOf("privileged-pods/policy");
  const labels = await runnableOf("add-labels/policy", { settings: '{"labels":{"team":"a"}}' });
  const echo = await runnableOf(await echoGuest());
  const single = (policy: string, runnable: Runnable): [string, CataloguedPolicy] => [policy, {
    kind: "policy",
    runnable: { ...runnable, policy, timeoutMs: 10_000 },
    rules: { policy, mode: "protect", allowedToMutate: true },
  }];
  const catalogue: Catalogue = new Map<string, CataloguedPolicy>([
    single("privileged", privileged),
    single("labels", labels),
    single("echo", echo),
    ["group", {
      kind: "group",
      rules: { policy: "group", mode: "protect", allowedToMutate: false },
      message: "not in this group",
      expression: parseGroupExpression("first() || second()", ["first", "second"]),
      members: new Map([["first", privileged], ["second", labels]]),
    }],
  ]);
  const context = { catalogue, run: pool.run, log: silentLog };
  return { handle: apiHandler(context), pool, ids: [...catalogue.keys()], echo };
}
