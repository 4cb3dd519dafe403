import { test } from "uvu";
import * as assert from "uvu/assert";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { exampleUrl } from "../testing/guests.ts";

const server = await startPolicyServerProcess({
  policies: { "pod-privileged": { module: exampleUrl("privileged-pods/policy") } },
});
test.after(() => server.stop());

const ask = (id: string, body: string) => send(`${server.url}/audit/${id}`, { body });
const privileged = reviewOf(pod({ privileged: true }));

test("AT-011: an audit rejects a privileged Pod with the policy's message and no code", async () => {
  const { allowed, status } = verdictOf(await ask("pod-privileged", privileged));
  assert.is(allowed, false);
  assert.equal(status, { message: "Privileged container is not allowed" });
});

test("AT-012: an audit of a policy that does not exist is 404", async () => {
  assert.is((await ask("does_not_exist", privileged)).status, 404);
});

test("AT-013: an audit of a body without a request is 422", async () => {
  assert.is((await ask("pod-privileged", "{}")).status, 422);
});

test.run();
