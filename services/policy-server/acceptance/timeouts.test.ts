import { test } from "uvu";
import * as assert from "uvu/assert";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { exampleUrl } from "../testing/guests.ts";

const module = exampleUrl("sleep/policy");
const interrupted = {
  message: "Policy execution interrupted because it exceeded the allowed execution time",
  code: 500,
};

async function verdictOn(sleepMilliseconds: number, { limit, policy = {} }: { limit: string; policy?: object }) {
  const server = await startPolicyServerProcess({
    policies: { sleep: { module, ...policy } },
    env: { KUBEWARDEN_POLICY_TIMEOUT: limit },
  });
  try {
    const annotations = { sleepMilliseconds: String(sleepMilliseconds) };
    return verdictOf(await send(`${server.url}/validate/sleep`, { body: reviewOf(pod({ annotations })) }));
  } finally {
    await server.stop();
  }
}

test("AT-014: a policy that sleeps for less than the limit accepts", async () => {
  assert.is((await verdictOn(100, { limit: "2" })).allowed, true);
});

test("AT-015: a policy that sleeps for longer than the limit is interrupted with code 500", async () => {
  const { allowed, status } = await verdictOn(4000, { limit: "2" });
  assert.equal([allowed, status], [false, interrupted]);
});

test("AT-016: a policy's own limit goes before the server's", async () => {
  const { allowed, status } = await verdictOn(4000, { limit: "20", policy: { timeoutEvalSeconds: 1 } });
  assert.equal([allowed, status], [false, interrupted]);
});

test.run();
